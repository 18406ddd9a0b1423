// SPDX-License-Identifier: Apache-2.0
// holdfast-in-process: the ceiling that a server on the same cores can reach. One servable is
// loaded once; processes forked from it classify photos in a loop, by the code that a worker runs,
// with no socket, no queue and nobody to answer.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "backend/onnxruntime/onnx_backend.h"
#include "base/bytes.h"
#include "base/time.h"
#include "model/repository.h"
#include "worker/forked_runs.h"
#include "worker/model_runner.h"
#include "worker/photo_file.h"

namespace holdfast {
namespace {

constexpr int kExitUsage = 64;

struct Options {
  std::filesystem::path folder;  // NAME/VERSION/.
  int processes = 2;
  double seconds = 5;
  std::vector<std::string> photos;
};

Result<ModelRunner> LoadModel(const std::filesystem::path& folder,
                              std::span<Backend* const> backends) {
  CatalogEntry entry = TRY(FindServable(folder));
  Servable servable = TRY(ReadServable(entry.folder, std::move(entry.key)));
  return ModelRunner::Load(std::move(servable), backends, ImageLimits{});
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
  const std::chrono::duration<double> time(options.seconds);
  const ForkedRuns runs =
      TRY(RunForked(runner, photos, options.processes, std::chrono::duration_cast<Duration>(time)));
  fmt::print("{{\"rate\":{:.3f},\"cpu_ms_per_image\":{:.4f},\"images\":{}}}\n",
             runs.images_per_second, runs.cpu_seconds * 1e3 / static_cast<double>(runs.images),
             runs.images);
  return {};
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  CLI::App app("Classifies photos in forked processes without a server, as fast as they can.");
  holdfast::Options options;
  app.add_option("--model", options.folder, "Folder NAME/VERSION/ of a packed model")->required();
  app.add_option("--processes", options.processes, "Processes that classify")
      ->check(CLI::Range(1, holdfast::kForkedRunsMax));
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
