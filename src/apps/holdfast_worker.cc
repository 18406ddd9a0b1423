// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "apps/command_line.h"
#include "apps/failure.h"
#include "apps/local_model.h"
#include "apps/resolve_config.h"
#include "apps/version_report.h"
#include "apps/zygote.h"
#include "backend/fake/fake_backend.h"
#include "backend/onnxruntime/onnx_backend.h"
#include "backend/openvino/openvino_backend.h"
#include "base/build_id.h"
#include "os/process.h"
#include "os/process_title.h"
#include "worker/classify.h"
#include "worker/inspect.h"
#include "worker/pack.h"
#include "worker/tune.h"

// Zygote and workers, and the commands that decode or infer in this process.
namespace holdfast {
namespace {

using Backends = std::span<Backend* const>;

int RunPack(const PackCommand& command, Backends backends) {
  PackOptions options{.model_file = command.model_file,
                      .repository = command.model_repository,
                      .name = command.name,
                      .version = command.version,
                      .labels_file = command.labels_file,
                      .preset = command.preset,
                      .preprocessing = command.preprocessing,
                      .golden = command.golden,
                      .description = command.description,
                      .force = command.force};
  if (command.output == "logits") options.output = OutputKind::kLogits;
  if (command.output == "probabilities") options.output = OutputKind::kProbabilities;
  return Pack(options, backends);
}

int RunTune(const TuneCommand& command, Backends backends) {
  return Tune({.folder = command.folder,
               .photos = command.photos,
               .time = std::chrono::milliseconds(std::lround(command.seconds * 1000)),
               .rounds = command.rounds,
               .dry_run = command.dry_run,
               .json = command.json},
              backends);
}

int RunClassify(const ClassifyCommand& command, Backends backends) {
  const auto executables = ExecutableFolder();
  if (!executables) return Fail(executables.error());
  const auto folder = FindLocalModel(command, ReadEnvironment(), *executables);
  if (!folder) return Fail(folder.error());
  return Classify(
      {.folder = *folder, .files = command.files, .top = command.top, .json = command.json},
      backends);
}

int ShowEngines(Backends backends) {
  EngineReport report{.build_id = std::string(BuildId()), .engines = {}};
  for (const Backend* backend : backends) {
    report.engines.emplace_back(backend->name(), backend->version());
  }
  return Show(FormatEngineReport(report));
}

int Dispatch(const std::vector<std::string>& arguments, Backends backends) {
  if (!arguments.empty() && arguments.front() == kZygoteArgument) {
    return RunZygote(std::span(arguments).subspan(1), backends);
  }
  if (arguments == std::vector<std::string>{std::string(kEnginesArgument)}) {
    return ShowEngines(backends);
  }
  const auto command = ParseCommandLine(arguments);
  if (!command) return FailUsage(command.error().message);
  if (const auto* pack = std::get_if<PackCommand>(&*command)) return RunPack(*pack, backends);
  if (const auto* inspect = std::get_if<InspectCommand>(&*command)) {
    return Inspect({.folder = inspect->folder, .json = inspect->json}, backends);
  }
  if (const auto* tune = std::get_if<TuneCommand>(&*command)) return RunTune(*tune, backends);
  if (const auto* classify = std::get_if<ClassifyCommand>(&*command)) {
    return RunClassify(*classify, backends);
  }
  return FailUsage("holdfast-worker is started by holdfast; try 'holdfast --help'");
}

int Main(const std::vector<std::string>& arguments) {
  const auto onnx = OnnxBackend::Open();
  if (!onnx) return Fail(onnx.error());
  OpenVinoBackend openvino;
  FakeBackend fake;
  // For ONNX, which both read, "auto" takes the first.
  const std::vector<Backend*> backends{onnx->get(), &openvino, &fake};
  return Dispatch(arguments, backends);
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  holdfast::InitProcessTitle(argc, argv);
  return holdfast::Main(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
