// SPDX-License-Identifier: Apache-2.0
#include "gateway/endpoints.h"

#include <set>
#include <vector>

#include "gateway/encoding/json_writer.h"
#include "gateway/report/advice.h"
#include "gateway/server_status.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

HttpAnswer AnswerReady(ServerState& state, std::string_view request_id) {
  if (state.ready()) return {.body = "{\"status\":\"Healthy\"}\n"};
  if (state.draining) {
    return RenderError(Reason::kDraining, "the server is shutting down", std::chrono::seconds(1),
                       request_id);
  }
  const bool loading = !state.servables.complete();
  const Reason reason = loading ? Reason::kNotReady : Reason::kNoWorker;
  return RenderError(reason, loading ? "models are loading" : "no worker can classify",
                     state.inference.RetryHint(reason, Duration::zero()), request_id);
}

HttpAnswer Refuse(ServerState& state, const Route& route, const Error& error,
                  std::string_view request_id) {
  return RenderError(error.reason, error.message,
                     state.inference.RetryHint(error.reason, Duration::zero()), request_id,
                     std::nullopt, TorchServeErrorType(route, error.reason));
}

HttpAnswer AnswerStatistics(ServerState& state, const Route& route, std::string_view request_id) {
  const auto statistics = state.inference.Statistics(ChoiceOf(route));
  if (!statistics) return Refuse(state, route, statistics.error(), request_id);
  return RenderModelStatistics(*statistics);
}

HttpAnswer AnswerTorchServeModels(const ServerState& state) {
  std::set<std::string> names;
  for (const ServableId id : state.servables.ids()) names.insert(state.servables.Get(id).key.name);
  return RenderTorchServeModels({names.begin(), names.end()});
}

// What a version is, in the words of the face that asks.
HttpAnswer DescribeModel(ServerState& state, const Route& route, std::string_view request_id) {
  const Result<ServableId> id = state.servables.Resolve(ChoiceOf(route));
  if (!id) return Refuse(state, route, id.error(), request_id);
  const ServableDescription& servable = state.servables.Get(*id);
  const std::size_t workers = state.inference.ready_workers(*id);
  switch (route.endpoint) {
    case Endpoint::kTensorMetadata:
      return RenderTensorMetadata(servable, state.servables.VersionsOf(servable.key.name));
    case Endpoint::kModelConfiguration:
      return RenderModelConfiguration(servable, workers);
    case Endpoint::kModelReady:
      if (workers > 0 && !state.draining) return RenderModelReady(servable);
      return Refuse(state, route, Error{Reason::kNoWorker, "no worker is ready"}, request_id);
    case Endpoint::kDescribeModel:
      return RenderTorchServeModel(servable, workers);
    default:
      return RenderModelMetadata(servable);
  }
}

HttpAnswer AnswerModelStatus(ServerState& state, const Route& route, std::string_view request_id) {
  const auto statuses = state.servables.StatusOf(ChoiceOf(route));
  if (!statuses) return Refuse(state, route, statuses.error(), request_id);
  return RenderModelStatus(*statuses);
}

HttpAnswer AnswerSageMakerModel(ServerState& state, const Route& route,
                                std::string_view request_id) {
  const auto added = state.servables.added();
  const auto model = added.find(*route.model);
  if (model != added.end()) return RenderSageMakerModel(model->first, model->second);
  return Refuse(state, route,
                Error{Reason::kNotFound, "there is no model " + Excerpt(*route.model)}, request_id);
}

HttpAnswer AnswerDeaths(const DeathLog& log) {
  std::string json = "{\"deaths\":[";
  for (const Death& death : log.deaths()) {
    AppendJsonComma(json);
    json += '{';
    AppendJsonText(json, "time", FormatTimestamp(death.unix_time));
    AppendJsonText(json, "model", death.model);
    AppendJsonCount(json, "slot", death.slot.value);
    AppendJsonCount(json, "generation", death.generation.value);
    AppendJsonCount(json, "pid", static_cast<std::uint64_t>(death.report.pid));
    AppendJsonText(json, "cause", DeathCauseWord(death.cause));
    AppendJsonText(json, "exit", death.report.exit);
    AppendJsonText(json, "explanation", death.report.explanation);
    AppendJsonText(json, "advice", AdviceOn(death.cause));
    AppendJsonCount(json, "peak_rss_mib", death.report.peak_rss_bytes >> 20);
    AppendJsonCount(json, "age_ms", death.report.age_ms);
    AppendJsonText(json, "request_id", death.request_id);
    AppendJsonText(json, "digest", death.digest);
    AppendJsonText(json, "last_words", death.report.last_words);
    json += '}';
  }
  return {.body = json + "]}\n"};
}

HttpAnswer AnswerQuarantine(ServerState& state, const Route& route) {
  Quarantine& quarantine = state.inference.quarantine();
  std::string json;
  if (route.deletes) {
    const std::size_t cleared = quarantine.Clear();
    state.log.Info("quarantine-cleared", {{"images", cleared}});
    json = "{";
    AppendJsonCount(json, "cleared", cleared);
    return {.body = json + "}\n"};
  }
  json = "{\"quarantined\":[";
  for (const Quarantine::Entry& entry : quarantine.List(Now())) {
    AppendJsonComma(json);
    json += '{';
    AppendJsonText(json, "model", entry.model);
    AppendJsonText(json, "digest", entry.digest);
    AppendJsonCount(json, "expires_in_s",
                    static_cast<std::uint64_t>(
                        std::chrono::ceil<std::chrono::seconds>(entry.expires_in).count()));
    json += '}';
  }
  return {.body = json + "]}\n"};
}

HttpAnswer AnswerIndex(const ServerState& state) {
  std::vector<IndexedVersion> versions;
  for (const ServableStatus& status : state.servables.Statuses()) {
    const auto rollout = state.servables.rollouts().find(status.key.name);
    const bool tried = rollout != state.servables.rollouts().end() &&
                       rollout->second.version == status.key.version;
    versions.push_back({.status = status,
                        .labels = state.servables.LabelsOf(status.key),
                        .rollout = tried ? std::optional(rollout->second.rule) : std::nullopt});
  }
  return RenderRepositoryIndex(versions);
}

void AppendJsonNumber(std::string& json, std::string_view key, double number) {
  AppendJsonKey(json, key);
  AppendJsonFloat(json, static_cast<float>(number));
}

void AppendArm(std::string& json, std::string_view name, const Comparison::Record& record) {
  AppendJsonKey(json, name);
  json += '{';
  AppendJsonCount(json, "requests", record.requests);
  AppendJsonCount(json, "errors", record.errors);
  AppendJsonCount(json, "invalid_outputs", record.invalid);
  AppendJsonNumber(json, "median_ms", Milliseconds(record.times.Quantile(0.5)));
  AppendJsonNumber(json, "p99_ms", Milliseconds(record.times.Quantile(0.99)));
  json += '}';
}

HttpAnswer AnswerRollout(const ServerState& state, const std::string& model) {
  const Comparison* const comparison = state.rollouts.ComparisonOf(model);
  const auto rollout = state.servables.rollouts().find(model);
  if (comparison == nullptr || rollout == state.servables.rollouts().end()) return {.body = "{}\n"};
  std::string json = "{";
  AppendJsonText(json, "version", std::to_string(rollout->second.version));
  AppendJsonText(json, "kind", RolloutKindWord(rollout->second.rule.kind));
  AppendJsonNumber(json, "percent", rollout->second.rule.percent);
  AppendJsonCount(json, "compared", comparison->disagreement().of);
  AppendJsonCount(json, "disagreed", comparison->disagreement().count);
  AppendArm(json, "new", comparison->record(Arm::kNew));
  AppendArm(json, "current", comparison->record(Arm::kCurrent));
  return {.body = json + "}\n"};
}

}  // namespace

ModelChoice ChoiceOf(const Route& route) {
  return {.model = route.model, .version = route.version, .label = route.label};
}

std::string_view EndpointName(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kRoot:
      return "/";
    case Endpoint::kClassify:
      return "/classify";
    case Endpoint::kPredict:
      return "/v1:predict";
    case Endpoint::kTensorFlowClassify:
      return "/v1:classify";
    case Endpoint::kRegress:
      return "/v1:regress";
    case Endpoint::kModelStatus:
      return "/v1/models";
    case Endpoint::kModelMetadata:
      return "/v1/models/metadata";
    case Endpoint::kInvocations:
      return "/invocations";
    case Endpoint::kPing:
      return "/ping";
    case Endpoint::kReady:
      return "/healthz";
    case Endpoint::kLive:
      return "/livez";
    case Endpoint::kMetrics:
      return "/metrics";
    case Endpoint::kDeaths:
      return "/debug/deaths";
    case Endpoint::kQuarantine:
      return "/debug/quarantine";
    case Endpoint::kDrill:
      return "/debug/drill";
    case Endpoint::kStatus:
      return "/debug/status";
    case Endpoint::kConsole:
      return "/console";
    case Endpoint::kServerMetadata:
      return "/v2";
    case Endpoint::kServerLive:
      return "/v2/health/live";
    case Endpoint::kServerReady:
      return "/v2/health/ready";
    case Endpoint::kTensorMetadata:
      return "/v2/models";
    case Endpoint::kModelReady:
      return "/v2/models/ready";
    case Endpoint::kModelConfiguration:
      return "/v2/models/config";
    case Endpoint::kModelStatistics:
      return "/v2/models/stats";
    case Endpoint::kInfer:
      return "/v2/models/infer";
    case Endpoint::kPredictions:
      return "/predictions";
    case Endpoint::kDescribeModel:
      return "/models";
    case Endpoint::kExecutionParameters:
      return "/execution-parameters";
    case Endpoint::kSageMakerModels:
      return "/sagemaker/models";
    case Endpoint::kSageMakerModel:
      return "/sagemaker/models/name";
    case Endpoint::kApiDocument:
      return "/api";
    case Endpoint::kRepositoryIndex:
      return "/v2/repository/index";
    case Endpoint::kModelLoad:
      return "/v2/repository/models/load";
    case Endpoint::kModelUnload:
      return "/v2/repository/models/unload";
    case Endpoint::kModelLabel:
      return "/v2/repository/models/labels";
    case Endpoint::kModelRollout:
      return "/v2/repository/models/rollout";
    case Endpoint::kModelPromote:
      return "/v2/repository/models/promote";
  }
  return "unknown";
}

HttpAnswer AnswerAtOnce(ServerState& state, const Route& route, std::string_view request_id) {
  switch (route.endpoint) {
    case Endpoint::kRoot:
      return {
          .content_type = "text/plain",
          .body = "holdfast: POST an image to /classify; /healthz, /metrics, /v1/models/NAME\n"};
    case Endpoint::kPing:
    case Endpoint::kReady:
      return AnswerReady(state, request_id);
    case Endpoint::kLive:
      return {.body = "{\"status\":\"Alive\"}\n"};
    case Endpoint::kMetrics: {
      Metrics::Levels levels = state.inference.levels();
      levels.connections = state.connections;
      levels.idempotent_bytes = state.idempotent.bytes();
      levels.ready = state.ready();
      return {.content_type = "text/plain; version=0.0.4", .body = state.metrics.Render(levels)};
    }
    case Endpoint::kModelStatus:
      return AnswerModelStatus(state, route, request_id);
    case Endpoint::kDescribeModel:
      if (!route.model) return AnswerTorchServeModels(state);
      [[fallthrough]];
    case Endpoint::kModelMetadata:
    case Endpoint::kTensorMetadata:
    case Endpoint::kModelReady:
    case Endpoint::kModelConfiguration:
      return DescribeModel(state, route, request_id);
    case Endpoint::kModelStatistics:
      return AnswerStatistics(state, route, request_id);
    case Endpoint::kServerMetadata:
      return RenderServerMetadata();
    case Endpoint::kServerLive:
      return {.body = "{\"live\":true}\n"};
    case Endpoint::kServerReady:
      if (state.ready()) return {.body = "{\"ready\":true}\n"};
      return AnswerReady(state, request_id);
    case Endpoint::kExecutionParameters:
      return RenderExecutionParameters(state.inference.levels().workers_ready,
                                       state.options.body_bytes_max);
    case Endpoint::kSageMakerModels:
      return RenderSageMakerModels(state.servables.added(), route.page_token);
    case Endpoint::kSageMakerModel:
      return AnswerSageMakerModel(state, route, request_id);
    case Endpoint::kDeaths:
      return AnswerDeaths(state.inference.deaths());
    case Endpoint::kQuarantine:
      return AnswerQuarantine(state, route);
    case Endpoint::kStatus:
      return AnswerStatus(state);
    case Endpoint::kRepositoryIndex:
      return AnswerIndex(state);
    case Endpoint::kModelRollout:
      return AnswerRollout(state, *route.model);
    default:
      return RenderError(Reason::kInternal, "no answer for this endpoint", Duration::zero(),
                         request_id);
  }
}

}  // namespace holdfast
