// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "gateway/call/image_format.h"
#include "gateway/call/tensor_items.h"
#include "gateway/encoding/json_writer.h"
#include "gateway/encoding/npy.h"
#include "gateway/http/face.h"
#include "gateway/http/inference_protocol_json.h"
#include "gateway/http/media_type.h"
#include "gateway/http/multipart.h"
#include "gateway/http/tensorflow_json.h"

namespace holdfast {
namespace {

constexpr std::string_view kNotAnImage = "not an image we read: JPEG, PNG or WebP expected";

std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A body that its type or its first bytes call an image. An octet-stream is only bytes.
bool IsImageBody(const HttpRequest& request) {
  if (request.body.empty()) return false;
  return LooksLikeImage(request.body) || IsImageType(MediaType(request.content_type));
}

ParsedCall OneImage(ByteView body) {
  ParsedCall call;
  call.form = AnswerForm::kPredictions;
  call.items.push_back({ItemKind::kEncodedImage, ItemBytes::Borrow(body)});
  return call;
}

Error NoImage(const HttpRequest& request, std::string_view hint) {
  if (request.body.empty()) {
    return Error{Reason::kUnsupportedMedia, fmt::format("the body is empty: {}", kNotAnImage)};
  }
  return Error{Reason::kUnsupportedMedia, fmt::format("{}{}", kNotAnImage, hint)};
}

CallResult ParseImage(const HttpRequest& request) {
  if (MediaType(request.content_type) == "multipart/form-data") {
    const ByteView field = TRY(FindFormField(request.content_type, request.body, "data"));
    if (!LooksLikeImage(field)) return NoImageError("the form's field");
    return OneImage(field);
  }
  if (IsImageBody(request)) return OneImage(request.body);
  return NoImage(request, LooksLikeJsonObject(request.body)
                              ? "; JSON goes to /v1/models/{model}:predict or /invocations"
                              : "");
}

// The servable's tensor, or a batch of them, as NumPy writes arrays.
CallResult ParseNpy(ByteView body, const ServableDescription& servable, std::size_t items_max) {
  const NpyArray array = TRY(ReadNpy(body));
  const Shape item = ItemShape(servable.signature.input);
  if (servable.signature.input.dtype == DType::kString) {
    return Error{Reason::kBadRequest, "npy array: this model takes encoded images, not tensors"};
  }
  const bool batch = array.shape.size() == item.size() + 1;
  if ((!batch && array.shape.size() != item.size()) ||
      !std::equal(item.begin(), item.end(), array.shape.begin() + (batch ? 1 : 0)) ||
      array.elements.empty()) {
    return Error{Reason::kBadRequest,
                 fmt::format("npy array: has the shape {}; expected {}, or a batch of them",
                             FormatShape(array.shape), FormatShape(item))};
  }
  const std::size_t count = batch ? static_cast<std::size_t>(array.shape.front()) : 1;
  if (count > items_max) {
    return Error{
        Reason::kPayloadTooLarge,
        fmt::format("npy array: a batch of {}; at most {} in one request", count, items_max)};
  }
  ParsedCall call;
  call.form = AnswerForm::kRowTensors;
  call.items =
      TRY(SplitTensor("npy array", array.elements, array.dtype, count, servable.signature.input));
  return call;
}

// A form's field, where the body is a form: "data" as TorchServe's clients name it, or the first.
Result<ByteView> FormField(const HttpRequest& request) {
  if (MediaType(request.content_type) != "multipart/form-data") return request.body;
  return FindFormField(request.content_type, request.body, "data");
}

CallResult ParsePrediction(const HttpRequest& request) {
  HttpRequest field = request;
  field.body = TRY(FormField(request));
  if (field.body.data() != request.body.data()) field.content_type = {};
  if (!IsImageBody(field)) return NoImage(field, "");
  ParsedCall call = OneImage(field.body);
  call.form = AnswerForm::kLabelScores;
  return call;
}

CallResult ParseInvocation(const HttpRequest& request, const ServableDescription& servable,
                           std::size_t items_max) {
  const std::string type = MediaType(request.content_type);
  if (type == "application/x-npy") return ParseNpy(request.body, servable, items_max);
  if (IsImageBody(request)) return OneImage(request.body);
  if (type == "application/json" || LooksLikeJsonObject(request.body)) {
    return ParsePredictJson(AsText(request.body), servable, items_max);
  }
  return NoImage(request, ", or JSON, or application/x-npy");
}

CallResult ParsePredict(const HttpRequest& request, const ServableDescription& servable,
                        std::size_t items_max) {
  if (LooksLikeImage(request.body)) {
    return Error{
        Reason::kBadRequest,
        R"(the body is an image: send it to :classify, or as {"instances": [{"b64": "…"}]})"};
  }
  return ParsePredictJson(AsText(request.body), servable, items_max);
}

CallResult ParseTensorFlowClassify(const HttpRequest& request, const ServableDescription& servable,
                                   std::size_t items_max) {
  if (IsImageBody(request)) return OneImage(request.body);
  const std::string type = MediaType(request.content_type);
  const bool raw = type.starts_with("image/") || type == "application/octet-stream";
  if (raw && !LooksLikeJsonObject(request.body)) return NoImage(request, "");
  return ParseClassifyJson(AsText(request.body), servable, items_max);
}

}  // namespace

CallResult ParseCall(const Route& route, const HttpRequest& request,
                     const ServableDescription& servable, std::size_t items_max) {
  switch (route.endpoint) {
    case Endpoint::kClassify:
      return ParseImage(request);
    case Endpoint::kInvocations:
      return ParseInvocation(request, servable, items_max);
    case Endpoint::kPredict:
      return ParsePredict(request, servable, items_max);
    case Endpoint::kTensorFlowClassify:
      return ParseTensorFlowClassify(request, servable, items_max);
    case Endpoint::kInfer:
      return ParseInferenceProtocol(request.body, request.json_bytes, servable, items_max);
    case Endpoint::kPredictions:
      return ParsePrediction(request);
    case Endpoint::kRegress:
      return Error{Reason::kBadRequest,
                   fmt::format("model {} is a classifier: it has no regression signature",
                               Excerpt(servable.key.name))};
    default:
      return Error{Reason::kBadRequest, "this path takes no inference request"};
  }
}

}  // namespace holdfast
