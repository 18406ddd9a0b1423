// SPDX-License-Identifier: Apache-2.0
#include "worker/proven_model.h"

#include <fmt/format.h>

#include <cstdio>
#include <future>
#include <optional>
#include <utility>
#include <vector>

#include "os/steady_clock.h"

namespace holdfast {
namespace {

Result<Duration> Prove(ModelRunner& runner) {
  if (!runner.servable().config.golden.empty()) {
    TRY_DO(runner.CheckGolden());
    return runner.preprocess_time() + runner.infer_time();
  }
  std::vector<float> scores(runner.classes());
  const TimePoint start = Now();
  TRY_DO(runner.RunSample(scores));
  return Now() - start;
}

}  // namespace

Result<ProvenModel> LoadProven(const Servable& servable, std::span<Backend* const> backends,
                               const ImageLimits& limits, const GraphCache* cache) {
  ModelRunner runner = TRY(ModelRunner::Load(servable, backends, limits, cache));
  const std::optional<KeptGraph> kept = runner.kept_graph();
  if (!kept) {
    const Duration service = TRY(Prove(runner));
    return ProvenModel{std::move(runner), service};
  }
  // Reading hundreds of megabytes takes as long as an inference; both at once cost one.
  std::future<Status> unchanged =
      std::async(std::launch::async, [&kept] { return GraphCache::Verify(*kept); });
  const Result<Duration> service = Prove(runner);
  const Status verified = unchanged.get();
  cache->EndTrial(*kept);
  if (verified && service) return ProvenModel{std::move(runner), *service};
  cache->Discard(*kept);
  fmt::print(stderr, "the kept graph of {} is not used: {}\n", FormatKey(servable.key),
             verified ? service.error().message : verified.error().message);
  return LoadProven(servable, backends, limits, nullptr);
}

}  // namespace holdfast
