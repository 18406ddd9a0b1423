// SPDX-License-Identifier: Apache-2.0
#include "worker/forked_runs.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <memory>
#include <new>

#include "os/process.h"
#include "os/steady_clock.h"
#include "worker/fork_safety.h"

namespace holdfast {
namespace {

// What one process did. Each writes its own; the parent reads them after the process has ended.
struct Tally {
  std::uint64_t images;
  double wall_s;
  double cpu_s;
};
using Tallies = std::array<Tally, kForkedRunsMax>;

struct Unmap {
  void operator()(Tallies* tallies) const { ::munmap(tallies, sizeof(Tallies)); }
};

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Status RunOne(ModelRunner& runner, const Photos& photos, std::size_t index,
              std::span<float> scores) {
  if (photos.empty()) return runner.RunSample(scores);
  return runner.ClassifyImage(photos[index % photos.size()], scores);
}

// Runs until `until`, starting at another photo than its siblings.
[[noreturn]] void RunInLoop(ModelRunner& runner, const Photos& photos, std::size_t first,
                            TimePoint until, Tally& tally) {
  std::vector<float> scores(runner.classes());
  const TimePoint start = Now();
  const double cpu_start = CpuSeconds();
  for (std::size_t i = first; Now() < until; ++i) {
    if (!RunOne(runner, photos, i, scores)) ::_exit(1);
    ++tally.images;
  }
  tally.wall_s = Seconds(Now() - start);
  tally.cpu_s = CpuSeconds() - cpu_start;
  ::_exit(0);
}

}  // namespace

Status WarmUp(ModelRunner& runner, const Photos& photos) {
  std::vector<float> scores(runner.classes());
  TRY_DO(runner.RunSample(scores));
  for (const auto& photo : photos) TRY_DO(runner.ClassifyImage(photo, scores));
  return {};
}

Result<ForkedRuns> RunForked(ModelRunner& runner, const Photos& photos, int processes,
                             Duration time) {
  TRY_DO(CheckForkSafety(runner.threads_after_load()));
  ::malloc_trim(0);  // As the zygote does.
  StopGatheringHugePages();
  void* memory =
      ::mmap(nullptr, sizeof(Tallies), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Error{Reason::kInsufficientResources, "mmap: no memory"};
  const std::unique_ptr<Tallies, Unmap> tallies(new (memory) Tallies{});
  const TimePoint until = Now() + time;
  int started = 0;
  for (; started < processes; ++started) {
    const auto index = static_cast<std::size_t>(started);
    const pid_t pid = ::fork();
    if (pid == 0) RunInLoop(runner, photos, index, until, (*tallies)[index]);
    if (pid < 0) break;
  }
  bool all_good = started == processes;
  for (int i = 0; i < started; ++i) {
    int status = 0;
    ::wait(&status);
    all_good = all_good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  if (!all_good) return Error{Reason::kInternal, "a process did not start or did not end well"};
  ForkedRuns runs;
  for (int i = 0; i < processes; ++i) {
    const Tally& tally = (*tallies)[static_cast<std::size_t>(i)];
    runs.images += tally.images;
    runs.images_per_second += static_cast<double>(tally.images) / tally.wall_s;
    runs.cpu_seconds += tally.cpu_s;
  }
  return runs;
}

}  // namespace holdfast
