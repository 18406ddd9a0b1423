// SPDX-License-Identifier: Apache-2.0
#include "backend/fake/fake_backend.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <mutex>
#include <vector>

#include "backend/fake/fake_script.h"
#include "base/bytes.h"
#include "base/check.h"

namespace holdfast {
namespace {

constexpr std::size_t kScriptBytesMax = KiB(64);
constexpr float kCertain = 8.0f;  // The logit of the right class; the others have 0.
constexpr int kExitStatus = 3;

// This is load, not a measurement: the fake spends time as a real model does.
void SpinFor(Duration duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) {
  }
}

// Idle by futex, the one waiting call that a worker's sandbox allows.
void IdleUntil(std::chrono::steady_clock::time_point end) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  while (std::chrono::steady_clock::now() < end) never.wait_until(lock, end);
}

void Spend(Duration duration, bool busy) {
  if (duration <= Duration::zero()) return;
  if (busy) return SpinFor(duration);
  IdleUntil(std::chrono::steady_clock::now() + duration);
}

// What a worker that has been taken over would try. It gives an error where it succeeds, and comes
// back where it is refused; the sandbox ends the process at most of it.
Status TryToEscape(Misdeed misdeed) {
  const auto escaped_if = [](bool done, const char* what) {
    return done ? Status(Error{Reason::kInternal, fmt::format("the worker could {}", what)})
                : Status();
  };
  switch (misdeed) {
    case Misdeed::kOpenFile:
      return escaped_if(std::ifstream("/proc/self/status").is_open(), "open a file");
    case Misdeed::kConnect:
      return escaped_if(::socket(AF_INET, SOCK_STREAM, 0) >= 0, "make a socket");
    case Misdeed::kExecute: {
      const char* const arguments[] = {"true", nullptr};
      ::execv("/bin/true", const_cast<char* const*>(arguments));
      return {};
    }
    case Misdeed::kFork: {
      const pid_t child = ::fork();
      if (child == 0) std::_Exit(0);
      if (child > 0) ::waitpid(child, nullptr, 0);
      return escaped_if(child > 0, "fork");
    }
    case Misdeed::kSignal:
      return escaped_if(::syscall(SYS_tgkill, 1, 1, 0) == 0, "signal another process");
    default:
      return {};
  }
}

// Does what does not return, or takes long. Reports what is an error.
Status Misbehave(Misdeed misdeed, Duration slow) {
  switch (misdeed) {
    case Misdeed::kAbort:
      std::abort();
    case Misdeed::kSegv:
      std::signal(SIGSEGV, SIG_DFL);  // As it is in a worker; a sanitizer's handler is not wanted.
      std::raise(SIGSEGV);
      std::abort();
    case Misdeed::kExit:
      std::_Exit(kExitStatus);
    case Misdeed::kHang:
      while (true) IdleUntil(std::chrono::steady_clock::now() + std::chrono::hours(1));
    case Misdeed::kSpin:
      while (true) SpinFor(std::chrono::hours(1));
    case Misdeed::kOutOfMemory:
      return Error{Reason::kInsufficientResources, "out of memory, as the script asks for"};
    case Misdeed::kError:
      return Error{Reason::kInternal, "an error, as the script asks for"};
    case Misdeed::kSlow:
      Spend(slow, /*busy=*/false);
      return {};
    case Misdeed::kOpenFile:
    case Misdeed::kConnect:
    case Misdeed::kExecute:
    case Misdeed::kFork:
    case Misdeed::kSignal:
      return TryToEscape(misdeed);
    case Misdeed::kNone:
    case Misdeed::kLeak:
    case Misdeed::kNan:
    case Misdeed::kInf:
    case Misdeed::kZeros:
      return {};
  }
  return {};
}

class FakeSession final : public Session {
 public:
  explicit FakeSession(FakeScript script) : script_(std::move(script)) {
    signature_.input = {"input",
                        DType::kFloat32,
                        {kAnyDim, 3, std::int64_t{script_.height}, std::int64_t{script_.width}}};
    signature_.output = {
        "scores", DType::kFloat32, {kAnyDim, static_cast<std::int64_t>(script_.classes)}};
  }

  const Signature& signature() const override { return signature_; }

  Status Run(std::span<const float> input, std::span<float> output) override {
    CHECK(input.size() == std::size_t{3} * script_.width * script_.height);
    CHECK(output.size() == script_.classes);
    const std::uint32_t answer = FakeClassOf(input, script_.classes);
    const FakeRule rule = RuleFor(answer);
    ++items_;
    TRY_DO(Misbehave(rule.misdeed, rule.slow));
    Spend(script_.service, script_.busy);
    std::fill(output.begin(), output.end(), 0.0f);
    output[answer] = kCertain;
    if (rule.misdeed == Misdeed::kLeak) {
      leaked_.emplace_back(MiB(rule.leak_mib), '\1');  // Written to, so that it is resident.
    } else if (rule.misdeed == Misdeed::kNan) {
      std::fill(output.begin(), output.end(), std::numeric_limits<float>::quiet_NaN());
    } else if (rule.misdeed == Misdeed::kInf) {
      std::fill(output.begin(), output.end(), std::numeric_limits<float>::infinity());
    } else if (rule.misdeed == Misdeed::kZeros) {
      output[answer] = 0.0f;
    }
    return {};
  }

 private:
  FakeRule RuleFor(std::uint32_t answer) const {
    for (const FakeRule& rule : script_.rules) {
      if (items_ >= rule.after && rule.on_class.value_or(answer) == answer) return rule;
    }
    return {};
  }

  FakeScript script_;
  Signature signature_;
  std::uint64_t items_ = 0;                // Answered by this process.
  std::vector<std::vector<char>> leaked_;  // Grows without bound: that is the fault.
};

}  // namespace

std::uint32_t FakeClassOf(std::span<const float> input, std::uint32_t classes) {
  double sum = 0;
  for (const float element : input) sum += static_cast<double>(element);
  const double mean = sum / static_cast<double>(std::max<std::size_t>(input.size(), 1));
  const double bucket = mean * classes;
  // Written so that a mean that is not a number gives class 0.
  if (!(bucket > 0)) return 0;
  return bucket >= classes ? classes - 1 : static_cast<std::uint32_t>(bucket);
}

bool FakeBackend::Reads(const std::filesystem::path& file) const {
  return file.filename() == "fake.toml";
}

Result<std::unique_ptr<Session>> FakeBackend::Load(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(stream), {});
  if (!stream.is_open() || text.size() > kScriptBytesMax) {
    return Error{Reason::kBadModel, fmt::format("{} cannot be read, or is larger than 64 KiB",
                                                file.filename().string())};
  }
  FakeScript script = TRY(ParseFakeScript(text, file.filename().string()));
  Spend(script.load, script.busy);
  if (Status status = Misbehave(script.on_load, script.load); !status) {
    const Reason reason = status.error().reason;
    return Error{reason == Reason::kInternal ? Reason::kBadModel : reason, status.error().message};
  }
  return std::make_unique<FakeSession>(std::move(script));
}

}  // namespace holdfast
