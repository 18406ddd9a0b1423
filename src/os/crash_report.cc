// SPDX-License-Identifier: Apache-2.0
#include "os/crash_report.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace holdfast {
namespace {

constexpr std::array kCrashSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr int kFramesMax = 24;
constexpr int kOwnFrames = 2;  // The handler, and the kernel's way into it.
constexpr std::size_t kStackBytes = KiB(64);

// The process title has overwritten argv, and with it the name that the loader gives the
// executable.
std::array<char, 64> executable_name;
const void* executable_base = nullptr;

// A stack that has overflowed cannot run the handler.
alignas(16) std::array<std::uint8_t, kStackBytes> handler_stack;

// A line in memory of its own: nothing here may allocate.
class Line {
 public:
  void Add(std::string_view text) {
    const std::size_t count = text.size() < bytes_.size() - size_ ? text.size() : 0;
    std::memcpy(bytes_.data() + size_, text.data(), count);
    size_ += count;
  }
  void AddNumber(std::uint64_t number, unsigned base) {
    std::array<char, 24> digits;
    std::size_t at = digits.size();
    do {
      digits[--at] = "0123456789abcdef"[number % base];
      number /= base;
    } while (number != 0);
    Add({digits.data() + at, digits.size() - at});
  }
  void Write() {
    Add("\n");
    // What cannot be written is lost: there is nobody left to tell.
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, bytes_.data(), size_);
  }

 private:
  std::array<char, 2048> bytes_;
  std::size_t size_ = 0;
};

void AddFrame(Line& line, const void* address) {
  Dl_info module;
  const auto place = reinterpret_cast<std::uintptr_t>(address);
  if (::dladdr(address, &module) == 0 || module.dli_fname == nullptr) {
    line.Add("0x");
    line.AddNumber(place, 16);
    return;
  }
  const char* const name =
      module.dli_fbase == executable_base ? executable_name.data() : module.dli_fname;
  const char* const slash = std::strrchr(name, '/');
  line.Add(slash == nullptr ? name : slash + 1);
  line.Add("+0x");
  line.AddNumber(place - reinterpret_cast<std::uintptr_t>(module.dli_fbase), 16);
}

void OnCrash(int signal) {
  std::array<void*, kFramesMax> frames;
  const int count = ::backtrace(frames.data(), kFramesMax);
  Line line;
  line.Add("signal ");
  line.AddNumber(static_cast<std::uint64_t>(signal), 10);
  line.Add(", backtrace:");
  for (int i = kOwnFrames; i < count; ++i) {
    line.Add(" ");
    AddFrame(line, frames.at(static_cast<std::size_t>(i)));
  }
  line.Write();
  // The disposition is the default one again (SA_RESETHAND). A fault would come again by itself; a
  // signal that somebody sent would not.
  ::raise(signal);
}

void RememberExecutable() {
  std::array<char, 4096> path{};
  if (::readlink("/proc/self/exe", path.data(), path.size() - 1) < 0) return;
  const char* const slash = std::strrchr(path.data(), '/');
  const std::string_view name = slash == nullptr ? path.data() : slash + 1;
  name.copy(executable_name.data(), executable_name.size() - 1);
  Dl_info module;
  if (::dladdr(reinterpret_cast<const void*>(&InstallCrashReport), &module) != 0) {
    executable_base = module.dli_fbase;
  }
}

}  // namespace

void InstallCrashReport() {
  RememberExecutable();
  // The first call loads what unwinding needs; in a crash, or behind a sandbox, that would fail.
  std::array<void*, 1> frame;
  ::backtrace(frame.data(), 1);
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = OnCrash;
  action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
  for (const int signal : kCrashSignals) ::sigaction(signal, &action, nullptr);
}

}  // namespace holdfast
