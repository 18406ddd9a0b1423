// SPDX-License-Identifier: Apache-2.0
#include "worker/engine_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/backend_selection.h"
#include "base/granted_cores.h"
#include "model/digest.h"
#include "os/cgroup.h"
#include "os/cpu.h"

namespace holdfast {
namespace {

constexpr std::string_view kAuto = "auto";

std::string DescribeTuning(const Tuning& tuning) {
  std::string rates;
  for (const TunedPoint& point : tuning.points) {
    if (point.engine == tuning.engine && point.workers == tuning.workers) {
      rates = fmt::format(", {:.1f} images/s", point.images_per_second);
    }
  }
  return fmt::format("tuned for this host: {} with {} worker{}{}", tuning.engine, tuning.workers,
                     tuning.workers == 1 ? "" : "s", rates);
}

}  // namespace

std::string NameAndVersion(const Backend& backend) {
  return fmt::format("{} {}", backend.name(), backend.version());
}

std::vector<Backend*> EnginesFor(const Servable& servable, std::span<Backend* const> backends) {
  const std::filesystem::path file = servable.folder / servable.config.file;
  std::vector<Backend*> engines;
  for (Backend* backend : backends) {
    const bool named = servable.config.engine == kAuto || servable.config.engine == backend->name();
    if (named && backend->Reads(file)) engines.push_back(backend);
  }
  return engines;
}

Result<TuningKey> KeyOf(const Servable& servable, std::span<Backend* const> engines) {
  const Cpu cpu = ReadCpu();
  TuningKey key{.cpu = cpu.model, .features = cpu.features, .model_sha256 = "", .engines = ""};
  const auto digest = servable.config.sha256.find(servable.config.file);
  key.model_sha256 = digest != servable.config.sha256.end()
                         ? digest->second
                         : TRY(Sha256OfFile(servable.folder / servable.config.file));
  for (const Backend* engine : engines) {
    if (!key.engines.empty()) key.engines += ", ";
    key.engines += NameAndVersion(*engine);
  }
  return key;
}

Result<EngineChoice> ChooseEngine(const Servable& servable, std::span<Backend* const> backends) {
  EngineChoice choice{
      .backend = TRY(
          SelectBackend(servable.config.engine, servable.folder / servable.config.file, backends)),
      .workers = 0,
      .why = ""};
  const auto tunings = ReadTunings(servable.folder);
  if (!tunings) {
    if (tunings.error().reason != Reason::kNotFound) {
      choice.why = fmt::format("{} is not used: {}", kTuningFile, tunings.error().message);
    }
    return choice;
  }
  const std::vector<Backend*> engines = EnginesFor(servable, backends);
  const TuningKey key = TRY(KeyOf(servable, engines));
  const std::uint32_t cores = GrantedCores(AffinityCpus(), Cgroup().CpuQuota());
  const auto tuning = FindTuning(*tunings, key, cores);
  const auto tuned =
      !tuning ? engines.end() : std::ranges::find_if(engines, [&tuning](const Backend* engine) {
        return engine->name() == tuning->engine;
      });
  if (tuned == engines.end()) {
    choice.why = fmt::format(
        "{} has no entry for this processor, model file and these engines: "
        "'holdfast tune' measures anew",
        kTuningFile);
    return choice;
  }
  choice.backend = *tuned;
  choice.why = DescribeTuning(*tuning);
  if (tuning->cores == cores) choice.workers = tuning->workers;
  return choice;
}

}  // namespace holdfast
