// SPDX-License-Identifier: Apache-2.0
#include "worker/item_loop.h"

#include <fmt/format.h>
#include <linux/close_range.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <new>

#include "ipc/arena.h"
#include "ipc/channel.h"
#include "os/crash_report.h"
#include "os/process.h"
#include "os/process_title.h"
#include "os/sandbox.h"
#include "os/signals.h"
#include "os/steady_clock.h"
#include "worker/model_runner.h"

namespace holdfast {
namespace {

constexpr int kWorkerChannelFd = 3;
constexpr int kOomScore = 900;
constexpr int kExitOrphaned = 9;
constexpr int kExitSetUp = 70;
constexpr int kExitProtocol = 76;

constexpr const char* kOutOfMemoryWords = "out of memory while serving";

[[noreturn]] void Leave(int code, const char* why) {
  if (why != nullptr) fmt::print(stderr, "{}\n", why);
  std::fflush(stderr);
  ::_exit(code);
}

// The middle process's end re-parents us. A parent-death signal set before that would fire for it.
void TieToSupervisor(const WorkerStart& start) {
  while (::getppid() == start.middle) ::sched_yield();
  if (!DieWithParent(start.supervisor)) Leave(kExitOrphaned, "the supervisor is gone");
}

// Leaves exactly these descriptors: 0 /dev/null, 1 and 2 the log pipe, 3 the channel.
Arena ArrangeDescriptors(WorkerStart& start) {
  Result<Arena> arena = Arena::Map(start.arena.get());
  if (!arena) Leave(kExitSetUp, arena.error().message.c_str());
  const int log = start.log.release();
  const int channel = start.channel.release();
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::dup2(channel, kWorkerChannelFd);
  ::close_range(kWorkerChannelFd + 1, ~0u, 0);
  (void)start.arena.release();
  return std::move(*arena);
}

void WallIn(Sandboxing sandbox, CodeGeneration code) {
  if (sandbox == Sandboxing::kOff) return;
  const Status walled = EnterWorkerSandbox(code);
  if (walled) return;
  if (sandbox == Sandboxing::kRequired) Leave(kExitSetUp, walled.error().message.c_str());
  fmt::print(stderr, "sandbox incomplete: {}\n", walled.error().message);
}

std::uint32_t Microseconds(Duration duration) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

Status RunItem(ModelRunner& runner, ItemKind kind, ByteView bytes, std::span<float> scores) {
  switch (kind) {
    case ItemKind::kEncodedImage:
      return runner.ClassifyImage(bytes, scores);
    case ItemKind::kTensor:
      // The request's place in the arena is aligned for floats.
      return runner.RunTensor({reinterpret_cast<const float*>(bytes.data()), bytes.size() / 4},
                              scores);
  }
  return Error{Reason::kBadRequest, "an item of unknown kind"};
}

void ServeItem(const Message& order, Arena& arena, ModelRunner& runner) {
  const std::size_t classes = *ElementCount(ItemShape(runner.signature().output));
  const Status done = RunItem(runner, static_cast<ItemKind>(order.code), arena.Request(order.value),
                              arena.Scores(classes));
  const Reason reason = done ? Reason::kOk : done.error().reason;
  // Out of memory must not look like the image's fault; the supervisor and the gateway judge a
  // death.
  if (reason == Reason::kInsufficientResources) Leave(kExitOutOfMemory, kOutOfMemoryWords);
  arena.WriteAnswer(order.item, reason, done ? std::string_view{} : done.error().message,
                    done ? classes : 0, Microseconds(runner.preprocess_time()),
                    Microseconds(runner.infer_time()));
}

}  // namespace

void RunWorker(WorkerStart start, ModelRunner& runner) {
  SetProcessTitle(fmt::format("holdfast: worker {} #{}", FormatKey(start.key), start.slot.value),
                  "hf-worker");
  // First: after a change of user the file would not be writable any more. A kernel that refuses
  // costs only the preference for a victim.
  (void)SetOomScore(kOomScore);
  // Before the tie to the supervisor, which a change of user would clear.
  if (start.uid != kSameUser) {
    const Status changed = ChangeUser(static_cast<uid_t>(start.uid));
    if (!changed) Leave(kExitSetUp, changed.error().message.c_str());
  }
  TieToSupervisor(start);
  ResetSignals();
  InstallCrashReport();
  // Not every allocation stands where its failure becomes a Result; the others must not look like a
  // crash.
  std::set_new_handler([] { Leave(kExitOutOfMemory, kOutOfMemoryWords); });
  const SlotId slot = start.slot;
  const Generation generation = start.generation;
  const Sandboxing sandbox = start.sandbox;
  Arena arena = ArrangeDescriptors(start);
  const Channel channel{UniqueFd(kWorkerChannelFd)};
  // A graph that takes pictures of any size needs kernels for each size.
  WallIn(sandbox, runner.takes_pictures() ? CodeGeneration::kAllowed : CodeGeneration::kForbidden);
  channel.Send({.kind = MessageKind::kReady, .slot = slot, .generation = generation});
  for (;;) {
    Channel::Incoming order;
    const auto state = channel.Receive(order, Blocking::kYes);
    if (state == Channel::State::kNothingYet) continue;
    if (state == Channel::State::kClosed) Leave(0, nullptr);
    const Message& message = order.message;
    const bool mine = message.kind == MessageKind::kItem && message.slot == slot &&
                      message.generation == generation && message.value <= arena.request_capacity();
    if (!mine) Leave(kExitProtocol, "an order that is not for this worker");
    arena.MarkBegun(message.item);
    ServeItem(message, arena, runner);
    channel.Send({.kind = MessageKind::kAnswer,
                  .slot = slot,
                  .generation = generation,
                  .item = message.item});
  }
}

}  // namespace holdfast
