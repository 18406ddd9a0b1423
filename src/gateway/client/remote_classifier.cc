// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/remote_classifier.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <string_view>
#include <utility>

#include "gateway/client/http_client.h"
#include "gateway/client/server_answer.h"

namespace holdfast {
namespace {

constexpr std::size_t kPredictionsMax = 100'000;

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string Target(const RemoteClassifyOptions& options) {
  std::string target = options.server.target;
  while (target.ends_with('/')) target.pop_back();
  target += fmt::format("/classify?top={}", options.top);
  if (options.model.empty()) return target;
  const std::size_t slash = options.model.find('/');
  target += "&model=" + PercentEncode(options.model.substr(0, slash));
  if (slash != std::string::npos) {
    target += "&version=" + PercentEncode(options.model.substr(slash + 1));
  }
  return target;
}

}  // namespace

Result<RemoteClassification> ParseClassification(const std::string& json) {
  const Error foreign{Reason::kInternal,
                      "the server's answer is no classification; check the address"};
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::dom::array predictions;
  std::string_view model;
  std::string_view version;
  if (parser.parse(json).get(root) != simdjson::SUCCESS ||
      root["model"].get(model) != simdjson::SUCCESS ||
      root["version"].get(version) != simdjson::SUCCESS ||
      root["predictions"].get(predictions) != simdjson::SUCCESS ||
      predictions.size() > kPredictionsMax) {
    return foreign;
  }
  RemoteClassification classification{Printable(model), Printable(version), {}};
  for (const simdjson::dom::element entry : predictions) {
    std::string_view label;
    RemotePrediction prediction;
    if (entry["label"].get(label) != simdjson::SUCCESS ||
        entry["index"].get(prediction.index) != simdjson::SUCCESS ||
        entry["probability"].get(prediction.probability) != simdjson::SUCCESS) {
      return foreign;
    }
    prediction.label = Printable(label);
    classification.predictions.push_back(std::move(prediction));
  }
  return classification;
}

Result<RemoteClassification> ClassifyRemotely(const RemoteClassifyOptions& options,
                                              ByteView image) {
  ClientRequest request{.method = "POST",
                        .url = options.server,
                        .content_type = "application/octet-stream",
                        .body = image,
                        .answer_timeout = options.timeout};
  request.url.target = Target(options);
  const ClientAnswer answer = TRY(SendHttpRequest(request));
  if (answer.status != 200) return RefusalOf(answer);
  return ParseClassification(answer.body);
}

}  // namespace holdfast
