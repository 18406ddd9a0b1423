// SPDX-License-Identifier: Apache-2.0
#include "apps/sagemaker_variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "apps/server_config.h"
#include "base/digits.h"

namespace holdfast {
namespace {

constexpr std::int64_t kMillisecondsASecond = 1000;
constexpr std::uint32_t kTimeoutMax = 3600;  // Seconds; SageMaker's own bound, and our setting's.
constexpr std::uint32_t kPayloadMax = 100;   // MB.
constexpr int kPythonLevelStep = 10;         // DEBUG is 10, INFO 20, WARNING 30, ERROR 40.

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char letter) { return std::tolower(letter); });
  return lower;
}

class Reader {
 public:
  explicit Reader(const std::map<std::string, std::string>& environment)
      : environment_(environment) {}

  SageMakerVariables Read() && {
    TakeTimeout();
    TakePayload();
    TakeLogLevel();
    TakePorts();
    TakeAccept();
    TakeMultiModel();
    return std::move(read_);
  }

 private:
  // Its value, if it is set and not empty.
  std::optional<std::string> Find(const char* variable) const {
    const auto found = environment_.find(variable);
    if (found == environment_.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }
  void Set(const char* variable, std::string setting, std::string text) {
    read_.values.push_back({variable, std::move(setting), std::move(text)});
  }
  void Refuse(const char* variable, std::string what) {
    read_.problems.push_back({variable, std::move(what)});
  }

  // Seconds for one invocation. Both limits follow: a job that allows ten minutes means it.
  void TakeTimeout() {
    const char* variable = "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS";
    if (!Find(variable)) variable = "SAGEMAKER_MODEL_SERVER_TIMEOUT";
    const auto text = Find(variable);
    if (!text) return;
    const auto seconds = ParseDigits<std::uint32_t>(*text);
    if (!seconds || *seconds == 0 || *seconds > kTimeoutMax) {
      return Refuse(variable,
                    fmt::format("\"{}\" is no number of seconds from 1 to {}", *text, kTimeoutMax));
    }
    const std::int64_t milliseconds = *seconds * kMillisecondsASecond;
    Set(variable, "deadline_default_ms", std::to_string(milliseconds));
    Set(variable, "deadline_max_ms",
        std::to_string(
            std::max<std::int64_t>(milliseconds, ServerConfig{}.deadline_max_ms.count())));
  }

  void TakePayload() {
    constexpr const char* kVariable = "SAGEMAKER_MAX_PAYLOAD_IN_MB";
    const auto text = Find(kVariable);
    if (!text) return;
    const auto megabytes = ParseDigits<std::uint32_t>(*text);
    if (!megabytes || *megabytes > kPayloadMax) {
      return Refuse(kVariable, fmt::format("\"{}\" is no number of megabytes from 0 to {}", *text,
                                           kPayloadMax));
    }
    // 0: a transform that streams its input; each request is still bounded by our own limit.
    if (*megabytes > 0) Set(kVariable, "body_bytes_max", fmt::format("{}MiB", *megabytes));
  }

  // A number of Python's logging, or its word.
  void TakeLogLevel() {
    constexpr const char* kVariable = "SAGEMAKER_CONTAINER_LOG_LEVEL";
    const auto text = Find(kVariable);
    if (!text) return;
    static constexpr std::array<std::string_view, 4> kWords{"debug", "info", "warning", "error"};
    const std::string word = LowerCase(*text);
    if (std::ranges::find(kWords, word) != kWords.end()) return Set(kVariable, "log_level", word);
    const auto level = ParseDigits<int>(*text);
    if (!level && word != "critical") {
      return Refuse(kVariable, fmt::format("\"{}\" is no level; try 10, 20, 30 or 40", *text));
    }
    const int index = level ? *level / kPythonLevelStep - 1 : static_cast<int>(kWords.size());
    const int last = static_cast<int>(kWords.size()) - 1;
    Set(kVariable, "log_level",
        std::string(kWords[static_cast<std::size_t>(std::clamp(index, 0, last))]));
  }

  // "FIRST-LAST": the only ports that a container may bind besides its HTTP port.
  void TakePorts() {
    constexpr const char* kVariable = "SAGEMAKER_SAFE_PORT_RANGE";
    const auto text = Find(kVariable);
    if (!text) return;
    const std::size_t dash = text->find('-');
    const auto first = ParseDigits<std::uint16_t>(std::string_view(*text).substr(0, dash));
    const auto last = dash == std::string::npos
                          ? std::nullopt
                          : ParseDigits<std::uint16_t>(std::string_view(*text).substr(dash + 1));
    if (!first || !last || *first == 0 || *last <= *first) {
      return Refuse(
          kVariable,
          fmt::format("\"{}\" is no range of two or more ports, such as 23000-23999", *text));
    }
    Set(kVariable, "grpc_port", std::to_string(*first));
    Set(kVariable, "admin_port", std::to_string(*first + 1));
  }

  void TakeAccept() {
    constexpr const char* kVariable = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT";
    const auto text = Find(kVariable);
    if (!text || text->starts_with("application/json") || *text == "*/*") return;
    read_.notes.push_back(fmt::format(
        "{} has no effect: without Accept, /invocations answers application/json", kVariable));
  }

  void TakeMultiModel() {
    constexpr const char* kVariable = "SAGEMAKER_MULTI_MODEL";
    const auto text = Find(kVariable);
    if (!text || LowerCase(*text) != "true") return;
    Set(kVariable, "model_control", "sagemaker");
  }

  const std::map<std::string, std::string>& environment_;
  SageMakerVariables read_;
};

}  // namespace

SageMakerVariables ReadSageMakerVariables(const std::map<std::string, std::string>& environment) {
  return Reader(environment).Read();
}

}  // namespace holdfast
