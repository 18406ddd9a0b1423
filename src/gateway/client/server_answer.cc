// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/server_answer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <optional>
#include <utility>

namespace holdfast {
namespace {

constexpr std::size_t kPredictionsMax = 100'000;
constexpr std::size_t kMessageBytesMax = 512;

std::optional<Reason> ReasonFromWord(std::string_view word) {
  for (std::uint32_t number = 0; const auto reason = ReasonFromNumber(number); ++number) {
    if (Describe(*reason).word == word) return reason;
  }
  return std::nullopt;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out(text.substr(0, kMessageBytesMax));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return out;
}

Error RefusalOf(const ClientAnswer& answer) {
  simdjson::dom::parser parser;
  std::string_view word;
  std::string_view text;
  const auto body = parser.parse(answer.body);
  if (body["reason"].get(word) == simdjson::SUCCESS &&
      body["error"].get(text) == simdjson::SUCCESS) {
    if (const auto reason = ReasonFromWord(word); reason && *reason != Reason::kOk) {
      return Error{*reason,
                   fmt::format("the server says {} {}: {}", answer.status, word, Printable(text))};
    }
  }
  return Error{answer.status >= 500 ? Reason::kUnavailable : Reason::kInternal,
               fmt::format("the server answers {}, not as a holdfast server does; check the "
                           "address",
                           answer.status)};
}

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

}  // namespace holdfast
