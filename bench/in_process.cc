// SPDX-License-Identifier: Apache-2.0
// holdfast-in-process: the ceiling that a server on the same cores can reach. One servable is
// loaded once; processes forked from it classify photos in a loop, by the code that a worker runs,
// with no socket, no queue and nobody to answer.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "backend/onnxruntime/onnx_backend.h"
#include "base/bytes.h"
#include "base/time.h"
#include "model/repository.h"
#include "os/process.h"
#include "os/steady_clock.h"
#include "worker/model_runner.h"
#include "worker/photo_file.h"

namespace holdfast {
namespace {

constexpr int kProcessesMax = 64;
constexpr std::size_t kPhotoBytesMax = MiB(64);
constexpr int kExitUsage = 64;

struct Options {
  std::filesystem::path folder;  // NAME/VERSION/.
  int processes = 2;
  double seconds = 5;
  std::vector<std::string> photos;
};

// What one process did. Each writes its own; the parent reads them after the process has ended.
struct Tally {
  std::uint64_t images;
  double wall_s;
  double cpu_s;
};
using Tallies = std::array<Tally, kProcessesMax>;

using Photos = std::vector<std::vector<std::uint8_t>>;

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Result<ModelRunner> LoadModel(const std::filesystem::path& folder,
                              std::span<Backend* const> backends) {
  CatalogEntry entry = TRY(FindServable(folder));
  Servable servable = TRY(ReadServable(entry.folder, std::move(entry.key)));
  return ModelRunner::Load(std::move(servable), backends, ImageLimits{});
}

// Every photo once: nothing lazy is left for the processes, and one that cannot be classified ends
// the measurement before it begins.
Status WarmUp(ModelRunner& runner, const Photos& photos) {
  std::vector<float> scores(runner.classes());
  for (const auto& photo : photos) TRY_DO(runner.ClassifyImage(photo, scores));
  return {};
}

// Classifies until `until`, starting at another photo than its siblings.
[[noreturn]] void ClassifyInLoop(ModelRunner& runner, const Photos& photos, std::size_t first,
                                 TimePoint until, Tally& tally) {
  std::vector<float> scores(runner.classes());
  const TimePoint start = Now();
  const double cpu_start = CpuSeconds();
  for (std::size_t i = first; Now() < until; ++i) {
    if (!runner.ClassifyImage(photos[i % photos.size()], scores)) ::_exit(1);
    ++tally.images;
  }
  tally.wall_s = Seconds(Now() - start);
  tally.cpu_s = CpuSeconds() - cpu_start;
  ::_exit(0);
}

// Forks all processes and waits for them; kInternal when one of them did not come through.
Status RunProcesses(const Options& options, ModelRunner& runner, const Photos& photos,
                    Tallies& tallies) {
  if (const std::size_t threads = TRY(CountThreads()); threads != 1) {
    return Error{Reason::kInternal, fmt::format("{} threads; a fork needs one", threads)};
  }
  const TimePoint until =
      Now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.seconds));
  int started = 0;
  for (; started < options.processes; ++started) {
    const auto index = static_cast<std::size_t>(started);
    const pid_t pid = ::fork();
    if (pid == 0) ClassifyInLoop(runner, photos, index, until, tallies[index]);
    if (pid < 0) break;
  }
  bool all_good = started == options.processes;
  for (int i = 0; i < started; ++i) {
    int status = 0;
    ::wait(&status);
    all_good = all_good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  if (!all_good) return Error{Reason::kInternal, "a process did not start or did not end well"};
  return {};
}

void Print(const Options& options, const Tallies& tallies) {
  std::uint64_t images = 0;
  double rate = 0;
  double cpu_s = 0;
  for (int i = 0; i < options.processes; ++i) {
    const Tally& tally = tallies[static_cast<std::size_t>(i)];
    images += tally.images;
    rate += static_cast<double>(tally.images) / tally.wall_s;
    cpu_s += tally.cpu_s;
  }
  fmt::print("{{\"rate\":{:.3f},\"cpu_ms_per_image\":{:.4f},\"images\":{}}}\n", rate,
             cpu_s * 1e3 / static_cast<double>(images), images);
}

Status Measure(const Options& options) {
  const auto onnx = TRY(OnnxBackend::Open());
  const std::array<Backend*, 1> backends{onnx.get()};
  ModelRunner runner = TRY(LoadModel(options.folder, backends));
  Photos photos;
  for (const std::string& file : options.photos) {
    photos.push_back(TRY(ReadPhoto(file, kPhotoBytesMax)));
  }
  TRY_DO(WarmUp(runner, photos));
  ::malloc_trim(0);  // As the zygote does.
  StopGatheringHugePages();
  void* memory =
      ::mmap(nullptr, sizeof(Tallies), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Error{Reason::kInsufficientResources, "mmap: no memory"};
  auto& tallies = *new (memory) Tallies{};
  TRY_DO(RunProcesses(options, runner, photos, tallies));
  Print(options, tallies);
  return {};
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  CLI::App app("Classifies photos in forked processes without a server, as fast as they can.");
  holdfast::Options options;
  app.add_option("--model", options.folder, "Folder NAME/VERSION/ of a packed model")->required();
  app.add_option("--processes", options.processes, "Processes that classify")
      ->check(CLI::Range(1, holdfast::kProcessesMax));
  app.add_option("--seconds", options.seconds, "How long they do")->check(CLI::PositiveNumber);
  app.add_option("photos", options.photos, "JPEG, PNG or WebP files")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : holdfast::kExitUsage;
  }
  const holdfast::Status measured = holdfast::Measure(options);
  if (measured) return 0;
  fmt::print(stderr, "{}\n", measured.error().message);
  return holdfast::Describe(measured.error().reason).exit_code;
}
