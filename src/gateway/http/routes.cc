// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/digits.h"
#include "base/nearest_name.h"
#include "gateway/encoding/json_writer.h"
#include "gateway/http/request_target.h"
#include "gateway/http/rollout_query.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kTopMax = 1000;
constexpr std::size_t kModelNameMax = 255;  // A folder's name.

constexpr std::string_view kGet = "GET, HEAD";
constexpr std::string_view kPost = "POST";
constexpr std::string_view kPostPut = "POST, PUT";

// {model}, {label} and {document} stand for names, {version} for digits. A path that is given
// without them comes before those that would take it for a name. /v1 has a grammar of its own,
// these are for the documents.
constexpr std::array kPaths{
    EndpointPath{Endpoint::kRoot, "/", kGet},
    EndpointPath{Endpoint::kClassify, "/classify", kPost},
    EndpointPath{Endpoint::kInvocations, "/invocations", kPost},
    // One sentence of SageMaker's documentation says POST.
    EndpointPath{Endpoint::kPing, "/ping", "GET, HEAD, POST"},
    EndpointPath{Endpoint::kReady, "/healthz", kGet},
    EndpointPath{Endpoint::kReady, "/readyz", kGet},
    EndpointPath{Endpoint::kLive, "/livez", kGet},
    EndpointPath{Endpoint::kMetrics, "/metrics", kGet},
    EndpointPath{Endpoint::kDeaths, "/debug/deaths", kGet, Audience::kAdmin},
    EndpointPath{Endpoint::kQuarantine, "/debug/quarantine", "GET, HEAD, DELETE", Audience::kAdmin},
    EndpointPath{Endpoint::kStatus, "/debug/status", kGet, Audience::kAdmin},
    EndpointPath{Endpoint::kConsole, "/console", kGet, Audience::kAdmin},
    EndpointPath{Endpoint::kConsole, "/console/{document}", kGet, Audience::kAdmin},
    EndpointPath{Endpoint::kDrill, "/debug/drill", kPost, Audience::kAdmin},
    EndpointPath{Endpoint::kExecutionParameters, "/execution-parameters", kGet},
    EndpointPath{Endpoint::kServerMetadata, "/v2", kGet},
    EndpointPath{Endpoint::kServerLive, "/v2/health/live", kGet},
    EndpointPath{Endpoint::kServerReady, "/v2/health/ready", kGet},
    EndpointPath{Endpoint::kModelStatistics, "/v2/models/stats", kGet},
    EndpointPath{Endpoint::kTensorMetadata, "/v2/models/{model}", kGet},
    EndpointPath{Endpoint::kTensorMetadata, "/v2/models/{model}/versions/{version}", kGet},
    EndpointPath{Endpoint::kModelReady, "/v2/models/{model}/ready", kGet},
    EndpointPath{Endpoint::kModelReady, "/v2/models/{model}/versions/{version}/ready", kGet},
    EndpointPath{Endpoint::kModelConfiguration, "/v2/models/{model}/config", kGet},
    EndpointPath{Endpoint::kModelConfiguration, "/v2/models/{model}/versions/{version}/config",
                 kGet},
    EndpointPath{Endpoint::kModelStatistics, "/v2/models/{model}/stats", kGet},
    EndpointPath{Endpoint::kModelStatistics, "/v2/models/{model}/versions/{version}/stats", kGet},
    EndpointPath{Endpoint::kInfer, "/v2/models/{model}/infer", kPost},
    EndpointPath{Endpoint::kInfer, "/v2/models/{model}/versions/{version}/infer", kPost},
    EndpointPath{Endpoint::kRepositoryIndex, "/v2/repository/index", kPost},
    EndpointPath{Endpoint::kModelLoad, "/v2/repository/models/{model}/load", kPost,
                 Audience::kControl},
    EndpointPath{Endpoint::kModelUnload, "/v2/repository/models/{model}/unload", kPost,
                 Audience::kControl},
    EndpointPath{Endpoint::kModelLabel, "/v2/repository/models/{model}/labels/{label}",
                 "PUT, DELETE", Audience::kControl},
    EndpointPath{Endpoint::kModelRollout, "/v2/repository/models/{model}/rollout",
                 "GET, HEAD, PUT, DELETE", Audience::kControl},
    EndpointPath{Endpoint::kModelPromote, "/v2/repository/models/{model}/promote", kPost,
                 Audience::kControl},
    EndpointPath{Endpoint::kPredictions, "/predictions/{model}", kPostPut},
    EndpointPath{Endpoint::kPredictions, "/predictions/{model}/{version}", kPostPut},
    EndpointPath{Endpoint::kApiDocument, "/openapi.json", kGet},
    EndpointPath{Endpoint::kApiDocument, "/api/{document}", kGet},
    EndpointPath{Endpoint::kDescribeModel, "/models", kGet, Audience::kPublic,
                 ModelsFace::kTorchServe},
    EndpointPath{Endpoint::kDescribeModel, "/models/{model}", kGet, Audience::kPublic,
                 ModelsFace::kTorchServe},
    EndpointPath{Endpoint::kSageMakerModels, "/models", "GET, HEAD, POST", Audience::kPublic,
                 ModelsFace::kSageMaker},
    EndpointPath{Endpoint::kSageMakerModel, "/models/{model}", "GET, HEAD, DELETE",
                 Audience::kPublic, ModelsFace::kSageMaker},
    EndpointPath{Endpoint::kInvocations, "/models/{model}/invoke", kPost, Audience::kPublic,
                 ModelsFace::kSageMaker},
    EndpointPath{Endpoint::kModelStatus, "/v1/models/{model}", kGet},
    EndpointPath{Endpoint::kModelStatus, "/v1/models/{model}/versions/{version}", kGet},
    EndpointPath{Endpoint::kModelMetadata, "/v1/models/{model}/metadata", kGet},
    EndpointPath{Endpoint::kModelMetadata, "/v1/models/{model}/versions/{version}/metadata", kGet},
    EndpointPath{Endpoint::kPredict, "/v1/models/{model}:predict", kPost},
    EndpointPath{Endpoint::kPredict, "/v1/models/{model}/versions/{version}:predict", kPost},
    EndpointPath{Endpoint::kTensorFlowClassify, "/v1/models/{model}:classify", kPost},
    EndpointPath{Endpoint::kTensorFlowClassify, "/v1/models/{model}/versions/{version}:classify",
                 kPost},
    EndpointPath{Endpoint::kRegress, "/v1/models/{model}:regress", kPost},
    EndpointPath{Endpoint::kRegress, "/v1/models/{model}/versions/{version}:regress", kPost},
};

using Routed = tl::expected<Route, RouteError>;

tl::unexpected<RouteError> Refuse(Reason reason, std::string message, std::string allow = "") {
  return tl::make_unexpected(RouteError{Error{reason, std::move(message)}, std::move(allow)});
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool Allows(std::string_view allow, std::string_view method) {
  while (!allow.empty()) {
    const std::size_t comma = std::min(allow.find(", "), allow.size());
    if (allow.substr(0, comma) == method) return true;
    allow.remove_prefix(std::min(comma + 2, allow.size()));
  }
  return false;
}

bool IsKnownMethod(std::string_view method) {
  constexpr std::array<std::string_view, 9> kMethods{
      "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

bool IsInference(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kClassify:
    case Endpoint::kPredict:
    case Endpoint::kTensorFlowClassify:
    case Endpoint::kRegress:
    case Endpoint::kInvocations:
    case Endpoint::kInfer:
    case Endpoint::kPredictions:
      return true;
    default:
      return false;
  }
}

bool IsModelName(std::string_view name) { return !name.empty() && name.size() <= kModelNameMax; }

// The parameters that are ours are checked, the others are left alone.
std::optional<Error> ApplyQuery(const RequestTarget& target, Route& route) {
  const auto bad = [](std::string_view what, std::string_view value) {
    return Error{Reason::kBadRequest, fmt::format("{}, found {}", what, Excerpt(value))};
  };
  const bool model_in_path = route.model.has_value();
  const bool version_in_path = route.version.has_value();
  std::array<bool, 3> seen{};
  const auto twice = [&](std::size_t which) { return std::exchange(seen[which], true); };
  for (const auto& [key, value] : target.query) {
    if (key == "top") {
      const auto top = ParseDigits<std::uint32_t>(value);
      if (!top || *top < 1 || *top > kTopMax) return bad("top: expected 1 to 1000", value);
      if (twice(0)) return bad("top: given twice", value);
      route.top = *top;
    } else if (key == "model") {
      if (!IsModelName(value)) return bad("model: expected a model's name", value);
      if (twice(1)) return bad("model: given twice", value);
      if (model_in_path && value != *route.model) {
        return bad("model: the path names another one", value);
      }
      route.model = value;
    } else if (key == "version") {
      const auto version = ParseDigits<std::int64_t>(value);
      if (!version) return bad("version: expected a number", value);
      if (twice(2)) return bad("version: given twice", value);
      if (version_in_path && *version != *route.version) {
        return bad("version: the path names another one", value);
      }
      route.version = *version;
    }
  }
  return std::nullopt;
}

Routed WithQuery(Route route, const RequestTarget& target) {
  route.needs_body = IsInference(route.endpoint);
  const bool labels = route.endpoint == Endpoint::kModelLabel;
  const bool rollouts =
      route.endpoint == Endpoint::kModelRollout || route.endpoint == Endpoint::kModelPromote;
  if (route.needs_body || labels || rollouts) {
    if (auto error = ApplyQuery(target, route)) {
      return Refuse(error->reason, std::move(error->message));
    }
  }
  if (route.endpoint == Endpoint::kSageMakerModels) {
    for (const auto& [key, value] : target.query) {
      if (key == "next_page_token") route.page_token = value;
    }
  }
  const bool tries = route.endpoint == Endpoint::kModelRollout && !route.deletes && !route.reads;
  if (((labels && !route.deletes) || tries) && !route.version) {
    return Refuse(Reason::kBadRequest, "which version? give ?version=N");
  }
  if (tries) {
    Result<RolloutRule> rule = ParseRolloutQuery(target);
    if (!rule) return Refuse(rule.error().reason, std::move(rule.error().message));
    route.rollout = *std::move(rule);
  }
  return route;
}

// Path       := "/v1/models/" Name [Edition] (":" Verb | ["/metadata"])
// Edition    := "/versions/" Digits | "/labels/" Label
// All but names and labels in any case, as TensorFlow Serving has it.
std::optional<Route> MatchTensorFlow(std::string_view method, const RequestTarget& target) {
  std::vector<std::string> segments = target.segments;
  if (segments.size() < 3 || !EqualIgnoringCase(segments[1], "models")) return std::nullopt;
  Route route;
  std::string verb;
  const bool metadata = segments.size() > 3 && EqualIgnoringCase(segments.back(), "metadata");
  if (metadata) segments.pop_back();
  if (const std::size_t colon = segments.back().rfind(':'); colon != std::string::npos) {
    if (metadata) return std::nullopt;
    verb = segments.back().substr(colon + 1);
    if (verb.empty()) return std::nullopt;
    segments.back().resize(colon);
  }
  if (segments.size() == 5 && EqualIgnoringCase(segments[3], "versions")) {
    route.version = ParseDigits<std::int64_t>(segments[4]);
    if (!route.version) return std::nullopt;
  } else if (segments.size() == 5 && EqualIgnoringCase(segments[3], "labels")) {
    if (segments[4].empty()) return std::nullopt;
    route.label = segments[4];
  } else if (segments.size() != 3) {
    return std::nullopt;
  }
  if (!IsModelName(segments[2])) return std::nullopt;
  route.model = segments[2];

  if (verb.empty()) {
    route.endpoint = metadata ? Endpoint::kModelMetadata : Endpoint::kModelStatus;
    return Allows(kGet, method) ? std::optional(route) : std::nullopt;
  }
  if (method != "POST") return std::nullopt;
  if (EqualIgnoringCase(verb, "predict")) {
    route.endpoint = Endpoint::kPredict;
  } else if (EqualIgnoringCase(verb, "classify")) {
    route.endpoint = Endpoint::kTensorFlowClassify;
  } else if (EqualIgnoringCase(verb, "regress")) {
    route.endpoint = Endpoint::kRegress;
  } else {
    return std::nullopt;
  }
  return route;
}

Routed ResolveTensorFlow(std::string_view method, const RequestTarget& target) {
  std::optional<Route> route = MatchTensorFlow(method, target);
  if (!route) {
    std::string path = Excerpt(target.raw_path);
    return Refuse(Reason::kBadRequest,
                  fmt::format("Malformed request: {} {}", Excerpt(method), path));
  }
  return WithQuery(*std::move(route), target);
}

// Who asks, and whose calls /models are here.
struct Viewer {
  Audience audience;
  ModelsFace models;
};

bool IsSeenBy(const EndpointPath& entry, const Viewer& viewer) {
  return viewer.audience >= entry.audience && entry.models.value_or(viewer.models) == viewer.models;
}

std::string UnknownPath(std::string_view path, const Viewer& viewer) {
  std::vector<std::string> known;
  for (const EndpointPath& entry : kPaths) {
    const bool plain = entry.path != "/" && entry.path.find('{') == std::string_view::npos &&
                       !entry.path.starts_with("/v2/");
    if (plain && IsSeenBy(entry, viewer)) known.emplace_back(entry.path);
  }
  const std::string nearest = NearestName(path.substr(0, 32), known);
  const std::string hint = nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
  return fmt::format("no such path: {}{}", Excerpt(path), hint);
}

std::string JoinPath(const RequestTarget& target) {
  std::string path;
  for (const std::string& segment : target.segments) path += '/' + segment;
  return path.empty() ? "/" : path;
}

// Whether the target is one of `pattern`'s; its names go into `route`.
bool Matches(std::string_view pattern, const std::vector<std::string>& segments, Route& route) {
  pattern.remove_prefix(1);
  for (const std::string& segment : segments) {
    if (pattern.empty()) return false;
    const std::string_view expected = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(std::min(expected.size() + 1, pattern.size()));
    if (expected == "{model}") {
      if (!IsModelName(segment)) return false;
      route.model = segment;
    } else if (expected == "{label}") {
      if (!IsModelName(segment)) return false;
      route.label = segment;
    } else if (expected == "{document}") {
      route.document = segment;
    } else if (expected == "{version}") {
      route.version = ParseDigits<std::int64_t>(segment);
      if (!route.version) return false;
    } else if (expected != segment) {
      return false;
    }
  }
  return pattern.empty();
}

const EndpointPath* FindPath(const std::vector<std::string>& segments, const Viewer& viewer,
                             Route& route) {
  for (const EndpointPath& entry : kPaths) {
    Route found;
    if (!IsSeenBy(entry, viewer) || !Matches(entry.path, segments, found)) continue;
    route = std::move(found);
    route.endpoint = entry.endpoint;
    return &entry;
  }
  return nullptr;
}

}  // namespace

bool IsOpen(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kRoot:  // What Elastic Beanstalk asks, unless told otherwise.
    case Endpoint::kPing:
    case Endpoint::kReady:
    case Endpoint::kLive:
    case Endpoint::kServerLive:
    case Endpoint::kServerReady:
      return true;
    default:
      return false;
  }
}

std::span<const EndpointPath> EndpointPaths() { return kPaths; }

Routed ResolveRoute(std::string_view method, std::string_view target_text, Audience audience,
                    ModelsFace models) {
  Result<RequestTarget> target = ParseTarget(target_text);
  if (!target) return Refuse(target.error().reason, std::move(target.error().message));
  if (!target->segments.empty() && EqualIgnoringCase(target->segments[0], "v1")) {
    return ResolveTensorFlow(method, *target);
  }
  const Viewer viewer{.audience = audience, .models = models};
  Route route;
  const EndpointPath* const entry = FindPath(target->segments, viewer, route);
  if (entry == nullptr) {
    return Refuse(Reason::kNotFound, UnknownPath(JoinPath(*target), viewer));
  }
  if (!IsKnownMethod(method)) {
    return Refuse(Reason::kNotImplemented, fmt::format("unknown method {}", Excerpt(method)));
  }
  if (!Allows(entry->allow, method)) {
    return Refuse(Reason::kMethodNotAllowed,
                  fmt::format("{} takes {}, not {}", entry->path, entry->allow, method),
                  std::string(entry->allow));
  }
  route.deletes = method == "DELETE";
  route.posts = method == "POST";
  route.reads = method == "GET" || method == "HEAD";
  return WithQuery(std::move(route), *target);
}

}  // namespace holdfast
