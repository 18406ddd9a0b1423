// SPDX-License-Identifier: Apache-2.0
#include "worker/zygote.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "base/build_id.h"
#include "ipc/channel.h"
#include "ipc/description.h"
#include "os/process.h"
#include "os/process_title.h"
#include "os/sandbox.h"
#include "os/shared_memory.h"
#include "os/signals.h"
#include "os/steady_clock.h"
#include "worker/fork_safety.h"
#include "worker/item_loop.h"
#include "worker/model_runner.h"
#include "worker/photo_file.h"
#include "worker/proven_model.h"

namespace holdfast {
namespace {

constexpr int kZygoteChannelFd = 3;
constexpr int kExitSoftware = 70;
// Where memory runs out while it loads, nobody is missed less.
constexpr int kOomScoreWhileLoading = 950;
// Between the workers' and the gateway's: a model can be loaded again, a request cannot.
constexpr int kOomScoreOfZygote = 500;

void Say(const std::string& words) { fmt::print(stderr, "{}\n", words); }

struct LoadedModel {
  ModelRunner runner;
  ServableDescription description;
};

// The first golden example that is small enough to be kept by everybody.
void TakeGolden(const Servable& servable, ServableDescription& description) {
  constexpr std::size_t kGoldenBytesMax = MiB(1);
  for (const GoldenExample& example : servable.config.golden) {
    auto photo = ReadPhoto(servable.folder / example.file, kGoldenBytesMax);
    if (!photo) continue;
    description.golden_photo = std::move(*photo);
    description.golden_class = example.expected_class;
    return;
  }
}

std::string GraphOrigin(const ModelRunner& runner) {
  if (!runner.kept_graph()) return "optimised";
  return runner.kept_graph()->made_now ? "made" : "kept";
}

Result<LoadedModel> LoadModel(const ZygoteOptions& options, std::span<Backend* const> backends) {
  const TimePoint start = Now();
  const Servable servable = TRY(ReadServable(options.folder, options.key));
  const GraphCache cache(options.graph_cache);
  auto [runner, service] =
      TRY(LoadProven(servable, backends, {.pixels_max = options.image_pixels_max},
                     options.graph_cache.empty() ? nullptr : &cache));
  ServableDescription description;
  description.service = service;
  description.key = options.key;
  description.signature = runner.signature();
  description.output = runner.servable().config.output;
  description.labels = runner.servable().labels;
  description.engine = runner.engine();
  description.tuning = runner.tuning();
  description.tuned_workers = runner.tuned_workers();
  description.graph = GraphOrigin(runner);
  description.golden_examples = static_cast<std::uint32_t>(runner.servable().config.golden.size());
  description.assumptions = runner.servable().assumptions;
  TakeGolden(runner.servable(), description);
  description.load_ms = static_cast<std::uint64_t>(Milliseconds(Now() - start));
  return LoadedModel{std::move(runner), std::move(description)};
}

Status AnnounceLoaded(const Channel& channel, const ServableDescription& description) {
  const UniqueFd memory = TRY(MakeSealedText("holdfast-servable", EncodeDescription(description)));
  if (!channel.Send({.kind = MessageKind::kLoaded}, {memory.get()})) {
    return Error{Reason::kUnavailable, "the supervisor is gone"};
  }
  return {};
}

// Forks twice, so that the worker becomes the supervisor's child. The process in the middle is the
// worker's parent while it opens the pidfd, so the number cannot be somebody else's yet.
Status ForkWorker(const Channel& channel, Channel::Incoming& order, const ZygoteOptions& options,
                  ModelRunner& runner) {
  TRY_DO(CheckForkSafety(runner.threads_after_load()));
  const pid_t middle = ::fork();
  if (middle < 0) return Error{Reason::kUnavailable, "fork: no process to be had"};
  if (middle == 0) {
    const pid_t self = ::getpid();
    const pid_t worker = ::fork();
    if (worker == 0) {
      RunWorker({.slot = order.message.slot,
                 .generation = order.message.generation,
                 .key = options.key,
                 .channel = std::move(order.descriptors[0]),
                 .arena = std::move(order.descriptors[1]),
                 .log = std::move(order.descriptors[2]),
                 .middle = self,
                 .supervisor = options.supervisor,
                 .sandbox = options.sandbox,
                 .uid = options.worker_uid},
                runner);
    }
    if (worker < 0) ::_exit(kExitSoftware);
    const Result<UniqueFd> pidfd = OpenPidfd(worker);
    if (!pidfd) ::_exit(kExitSoftware);
    const bool told = channel.Send({.kind = MessageKind::kForked,
                                    .slot = order.message.slot,
                                    .generation = order.message.generation,
                                    .value = static_cast<std::uint64_t>(worker)},
                                   {pidfd->get()});
    ::_exit(told ? 0 : kExitSoftware);
  }
  order.descriptors
      .clear();  // A copy left here would keep the worker's end-of-file from the gateway.
  int status = 0;
  ::waitpid(middle, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Error{Reason::kUnavailable, "the fork of a worker did not go through"};
  }
  return {};
}

// What one more worker costs and how long an item takes it. Zeros where that cannot be known.
struct WorkerCost {
  std::uint64_t bytes;
  Duration service;
};

// A trial child serves one item and reads its own account. It is never told of.
WorkerCost MeasureWorker(ModelRunner& runner) {
  constexpr WorkerCost kUnknown{};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return kUnknown;
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<float> scores(runner.classes());
    const TimePoint start = Now();
    const Status served = runner.RunSample(scores);
    const Duration service = Now() - start;
    const WorkerCost cost = served ? WorkerCost{PrivateBytes().value_or(0), service} : kUnknown;
    const bool told = ::write(writing.get(), &cost, sizeof cost) == sizeof cost;
    ::_exit(told ? 0 : kExitSoftware);
  }
  writing.reset();
  WorkerCost cost{};
  if (child < 0 || ::read(reading.get(), &cost, sizeof cost) != sizeof cost) cost = kUnknown;
  if (child > 0) ::waitpid(child, nullptr, 0);
  return cost;
}

// What the model holds for all its workers together. Weights that are mapped from a kept graph are
// in memory as well, as long as they are used.
std::uint64_t BytesOf(const ModelRunner& runner) {
  std::uint64_t bytes = AnonymousBytes(::getpid()).value_or(0);
  if (!runner.kept_graph()) return bytes;
  for (const KeptGraph::File& file : runner.kept_graph()->files) bytes += file.size;
  return bytes;
}

// What a worker's sandbox would lack on this kernel: a trial child enters it. Empty: nothing.
std::string FindSandboxGap() {
  constexpr std::size_t kWordsMax = 256;
  const std::string unknown = "it could not be tried";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return unknown;
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const Status walled = EnterWorkerSandbox();
    if (!walled) {
      const std::string words = walled.error().message.substr(0, kWordsMax);
      (void)!::write(writing.get(), words.data(), words.size());
    }
    // Not _exit(): AddressSanitizer precedes what does not return with a call of its own.
    ::syscall(SYS_exit_group, walled ? 0 : kExitSoftware);
  }
  writing.reset();
  if (child < 0) return unknown;
  std::string words(kWordsMax, '\0');
  const ssize_t size = ::read(reading.get(), words.data(), words.size());
  words.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return words.empty() ? unknown : words;
}

int FailLoading(const Channel& channel, const Error& error) {
  Say(error.message);
  const ReasonEntry& entry = Describe(error.reason);
  channel.Send(
      {.kind = MessageKind::kLoadFailed, .code = static_cast<std::uint32_t>(entry.reason)});
  return entry.exit_code;
}

}  // namespace

int RunZygote(const ZygoteOptions& options, std::span<Backend* const> backends) {
  SetProcessTitle("holdfast: zygote " + FormatKey(options.key), "hf-zygote");
  ResetSignals();
  (void)SetOomScore(kOomScoreWhileLoading);
  const Channel channel{UniqueFd(kZygoteChannelFd)};
  if (options.build != BuildDigest(BuildId())) {
    return FailLoading(channel,
                       {Reason::kUsage, "holdfast-worker is of another build than holdfast"});
  }
  Result<LoadedModel> loaded = LoadModel(options, backends);
  if (!loaded) return FailLoading(channel, loaded.error());
  // What loading needed and freed would otherwise be mapped, and copied by every fork.
  ::malloc_trim(0);
  // Without it a worker's private memory grows to three times its size within a minute.
  StopGatheringHugePages();
  if (const Status safe = CheckForkSafety(loaded->runner.threads_after_load()); !safe) {
    return FailLoading(channel, safe.error());
  }
  loaded->description.zygote_bytes = BytesOf(loaded->runner);
  const WorkerCost cost = MeasureWorker(loaded->runner);
  loaded->description.worker_bytes = cost.bytes;
  // The first run of all may have waited for the disk.
  if (cost.service > Duration::zero()) {
    loaded->description.service = std::min(loaded->description.service, cost.service);
  }
  if (options.sandbox != Sandboxing::kOff) loaded->description.sandbox_gap = FindSandboxGap();
  if (options.sandbox == Sandboxing::kRequired && !loaded->description.sandbox_gap.empty()) {
    return FailLoading(channel, {Reason::kUnavailable, "the sandbox is required and incomplete: " +
                                                           loaded->description.sandbox_gap});
  }
  (void)SetOomScore(kOomScoreOfZygote);
  if (!AnnounceLoaded(channel, loaded->description)) return 0;
  for (;;) {
    Channel::Incoming order;
    const auto state = channel.Receive(order, Blocking::kYes);
    if (state == Channel::State::kNothingYet) continue;
    if (state == Channel::State::kClosed) return 0;
    if (order.message.kind != MessageKind::kForkWorker) return kExitSoftware;
    const Status forked = ForkWorker(channel, order, options, loaded->runner);
    if (!forked) Say(forked.error().message);
  }
}

}  // namespace holdfast
