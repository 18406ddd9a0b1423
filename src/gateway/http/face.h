// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "gateway/inference.h"
#include "model/servable_status.h"

namespace holdfast {

// What a face needs to see of an HTTP request. The connection owns all of it.
struct HttpRequest {
  std::string_view method;
  std::string_view target;        // As sent: path and query, percent-encoded.
  std::string_view content_type;  // Empty: none.
  std::string_view accept;
  ByteView body;
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
  kRoot,                // GET /
  kClassify,            // POST /classify
  kPredict,             // POST /v1/models/M[/versions/V]:predict
  kTensorFlowClassify,  // POST /v1/models/M[/versions/V]:classify
  kRegress,             // POST /v1/models/M[/versions/V]:regress
  kModelStatus,         // GET /v1/models/M[/versions/V]
  kModelMetadata,       // GET /v1/models/M[/versions/V]/metadata
  kInvocations,         // POST /invocations
  kPing,                // GET /ping
  kReady,               // GET /healthz, /readyz
  kLive,                // GET /livez
  kMetrics,             // GET /metrics
  kDeaths,              // GET /debug/deaths
  kDrill,               // POST /debug/drill
  kQuarantine,          // GET, DELETE /debug/quarantine
  kRepositoryIndex,     // POST /v2/repository/index
  kModelLoad,           // POST /v2/repository/models/M/load
  kModelUnload,         // POST /v2/repository/models/M/unload
};

// Who asks: what shows or changes the server's inside is answered on the admin address alone.
enum class Audience { kPublic, kAdmin };

struct Route {
  Endpoint endpoint = Endpoint::kRoot;
  std::optional<std::string> model;     // From the path or ?model=; nothing: the default model.
  std::optional<std::int64_t> version;  // From the path or ?version=; nothing: the newest.
  std::uint32_t top = 5;                // ?top=, 1 … 1000.
  bool needs_body = false;              // An inference endpoint: admission comes before the body.
  bool deletes = false;                 // The method is DELETE.
};

// A refusal of the router: kNotFound, kMethodNotAllowed (with the Allow header's value),
// kBadRequest.
struct RouteError {
  Error error;
  std::string allow;
};

// Resolves method and target by the rules of protocols.md sections 1, 2, 5 and 7.
tl::expected<Route, RouteError> ResolveRoute(std::string_view method, std::string_view target,
                                             Audience audience = Audience::kPublic);

// How a request's items were given, so that the answer has the same form.
enum class AnswerForm {
  kPredictions,     // Labels with probabilities: /classify, and /invocations with an image.
  kRowTensors,      // {"predictions": […]}: TensorFlow Serving's row form.
  kColumnTensors,   // {"outputs": …}: TensorFlow Serving's column form.
  kClassifyResult,  // {"results": [[["label", score], …], …]}.
};

struct ParsedCall {
  std::vector<InferenceItem> items;
  AnswerForm form = AnswerForm::kPredictions;
};

// Why a body gives no call.
struct CallError : Error {
  std::optional<std::size_t> item;  // The one that is at fault. Nothing: the request as a whole.
};
class [[nodiscard]] CallResult : public tl::expected<ParsedCall, CallError> {
 public:
  using expected::expected;
  // Implicit, so that a function can return an error.
  // NOLINTNEXTLINE(google-explicit-constructor)
  CallResult(CallError error) : expected(tl::unexpect, std::move(error)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  CallResult(Error error) : CallResult(CallError{std::move(error), std::nullopt}) {}
};

// Turns the body of an inference request into items. kBadRequest, kUnsupportedMedia and
// kPayloadTooLarge (more than `items_max` items) with words for the client.
CallResult ParseCall(const Route& route, const HttpRequest& request,
                     const ServableDescription& servable, std::size_t items_max);

// Whether an inference endpoint has an answer that the Accept header takes: kNotAcceptable if not.
// To be asked before inference. TensorFlow Serving's endpoints ignore the header, as it does.
Status CheckAccept(const Route& route, std::string_view accept);

// Renders outcomes, one an item, all of them kOk, in the form that the call had.
HttpAnswer RenderCall(const Route& route, const HttpRequest& request, AnswerForm form,
                      const ServableDescription& servable,
                      const std::vector<ItemOutcome>& outcomes);

// The one flat error object that every protocol's clients can read, with Retry-After where the
// reason has a hint. `item`: which of the request's items failed.
HttpAnswer RenderError(Reason reason, std::string_view message, Duration retry_after,
                       std::string_view request_id, std::optional<std::size_t> item = std::nullopt);

HttpAnswer RenderModelStatus(const std::vector<ServableStatus>& versions);
// The same of all models, as Triton's repository extension has it.
HttpAnswer RenderRepositoryIndex(const std::vector<ServableStatus>& versions);
HttpAnswer RenderModelMetadata(const ServableDescription& servable);

}  // namespace holdfast
