// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "gateway/call/inference_statistics.h"
#include "gateway/call/parsed_call.h"
#include "model/rollout_rule.h"
#include "model/servable_status.h"

namespace holdfast {

// What a face needs to see of an HTTP request. The connection owns all of it.
struct HttpRequest {
  std::string_view method;
  std::string_view target;        // As sent: path and query, percent-encoded.
  std::string_view content_type;  // Empty: none.
  std::string_view accept;
  // Inference-Header-Content-Length: how many of the body's bytes are JSON, where tensors follow
  // it.
  std::optional<std::size_t> json_bytes;
  ByteView body;  // Without its content coding.
};

// An answer before the connection adds its own headers (length, request id, keep-alive).
struct HttpAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Where a request goes.
enum class Endpoint {
  kRoot,                 // GET /
  kClassify,             // POST /classify
  kPredict,              // POST /v1/models/M[/versions/V]:predict
  kTensorFlowClassify,   // POST /v1/models/M[/versions/V]:classify
  kRegress,              // POST /v1/models/M[/versions/V]:regress
  kModelStatus,          // GET /v1/models/M[/versions/V]
  kModelMetadata,        // GET /v1/models/M[/versions/V]/metadata
  kInvocations,          // POST /invocations
  kPing,                 // GET /ping
  kReady,                // GET /healthz, /readyz
  kLive,                 // GET /livez
  kMetrics,              // GET /metrics
  kDeaths,               // GET /debug/deaths
  kDrill,                // POST /debug/drill
  kQuarantine,           // GET, DELETE /debug/quarantine
  kStatus,               // GET /debug/status
  kConsole,              // GET /console, /console/NAME
  kServerMetadata,       // GET /v2
  kServerLive,           // GET /v2/health/live
  kServerReady,          // GET /v2/health/ready
  kTensorMetadata,       // GET /v2/models/M[/versions/V]
  kModelReady,           // GET /v2/models/M[/versions/V]/ready
  kModelConfiguration,   // GET /v2/models/M[/versions/V]/config
  kModelStatistics,      // GET /v2/models[/M[/versions/V]]/stats
  kInfer,                // POST /v2/models/M[/versions/V]/infer
  kRepositoryIndex,      // POST /v2/repository/index
  kModelLoad,            // POST /v2/repository/models/M/load
  kModelUnload,          // POST /v2/repository/models/M/unload
  kModelLabel,           // PUT, DELETE /v2/repository/models/M/labels/L
  kModelRollout,         // GET, PUT, DELETE /v2/repository/models/M/rollout
  kModelPromote,         // POST /v2/repository/models/M/promote
  kPredictions,          // Any method: /predictions/M[/V]
  kDescribeModel,        // GET /models[/M]
  kExecutionParameters,  // GET /execution-parameters
  kApiDocument,          // GET /openapi.json, /api/NAME
  kSageMakerModels,      // GET, POST /models
  kSageMakerModel,       // GET, DELETE /models/M
};

// Whose calls /models and the paths below it are.
enum class ModelsFace { kTorchServe, kSageMaker };

// Who asks: what shows or changes the server's inside is answered on the admin address alone.
// kControl may load and unload models, too. Each sees what those before it see.
enum class Audience { kPublic, kControl, kAdmin };

struct Route {
  Endpoint endpoint = Endpoint::kRoot;
  std::optional<std::string> model;     // From the path or ?model=; nothing: the default model.
  std::optional<std::int64_t> version;  // From the path or ?version=; nothing: the newest.
  std::optional<std::string> label;     // From the path, instead of a version.
  std::optional<std::string> document;  // From the path, of api/.
  std::uint32_t top = 5;                // ?top=, 1 … 1000.
  bool needs_body = false;              // An inference endpoint: admission comes before the body.
  std::string page_token;               // ?next_page_token=, of SageMaker's list.
  bool deletes = false;                 // The method is DELETE.
  bool posts = false;                   // The method is POST.
  bool reads = false;                   // The method is GET or HEAD.
  RolloutRule rollout;                  // How a version is to be tried, from the query.
};

// A refusal of the router: kNotFound, kMethodNotAllowed (with the Allow header's value),
// kBadRequest.
struct RouteError {
  Error error;
  std::string allow;
};

// Resolves method and target by the rules of protocols.md sections 1, 2, 5 and 7.
tl::expected<Route, RouteError> ResolveRoute(std::string_view method, std::string_view target,
                                             Audience audience = Audience::kPublic,
                                             ModelsFace models = ModelsFace::kTorchServe);

// Turns the body of an inference request into items. kBadRequest, kUnsupportedMedia and
// kPayloadTooLarge (more than `items_max` items) with words for the client.
CallResult ParseCall(const Route& route, const HttpRequest& request,
                     const ServableDescription& servable, std::size_t items_max);

// Whether an inference endpoint has an answer that the Accept header takes: kNotAcceptable if not.
// To be asked before inference. TensorFlow Serving's endpoints ignore the header, as it does.
Status CheckAccept(const Route& route, std::string_view accept);

// Renders outcomes, one an item, all of them kOk, in the form that `call` had. Its items are not
// looked at.
HttpAnswer RenderCall(const Route& route, const HttpRequest& request, const ParsedCall& call,
                      const ServableDescription& servable,
                      const std::vector<ItemOutcome>& outcomes);

// The one flat error object that every protocol's clients can read, with Retry-After where the
// reason has a hint. `item`: which of the request's items failed.
// `type`: a class of errors that TorchServe's clients look at; empty: left out.
HttpAnswer RenderError(Reason reason, std::string_view message, Duration retry_after,
                       std::string_view request_id, std::optional<std::size_t> item = std::nullopt,
                       std::string_view type = {});
// That type, on TorchServe's paths; empty on all others.
std::string_view TorchServeErrorType(const Route& route, Reason reason);

// --- TensorFlow Serving ---
HttpAnswer RenderModelStatus(const std::vector<ServableStatus>& versions);
HttpAnswer RenderModelMetadata(const ServableDescription& servable);

// --- Open Inference Protocol, with Triton's extensions ---
HttpAnswer RenderServerMetadata();
// Of one version; `versions`: all that can be asked.
HttpAnswer RenderTensorMetadata(const ServableDescription& servable,
                                const std::vector<std::int64_t>& versions);
// What of Triton's model configuration has a meaning here. `workers`: instances of the model.
HttpAnswer RenderModelConfiguration(const ServableDescription& servable, std::size_t workers);
HttpAnswer RenderModelReady(const ServableDescription& servable);
// {"model_stats": […]}, one entry a servable.
HttpAnswer RenderModelStatistics(
    const std::vector<std::pair<ModelKey, InferenceStatistics>>& servables);
// All versions of all models and their states.
struct IndexedVersion {
  ServableStatus status;
  std::vector<std::string> labels;
  std::optional<RolloutRule> rollout;  // While it is tried.
};
HttpAnswer RenderRepositoryIndex(const std::vector<IndexedVersion>& versions);

// --- TorchServe ---
// The list of models, a name and a path each.
HttpAnswer RenderTorchServeModels(const std::vector<std::string>& names);
HttpAnswer RenderTorchServeModel(const ServableDescription& servable, std::size_t workers);

// --- SageMaker ---
// What a batch transform asks before it begins: how many requests at once, and how large.
HttpAnswer RenderExecutionParameters(std::size_t workers, std::size_t body_bytes_max);
// Of a multi-model endpoint: a model's name, and the folder that it was loaded from.
HttpAnswer RenderSageMakerModel(const std::string& name, const std::string& url);
// A page of them, by name: what follows `token`, the last name of the page before; empty: the
// first.
HttpAnswer RenderSageMakerModels(const std::map<std::string, std::string>& urls,
                                 const std::string& token);

}  // namespace holdfast
