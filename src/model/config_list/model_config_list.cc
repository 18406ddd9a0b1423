// SPDX-License-Identifier: Apache-2.0
#include "model/config_list/model_config_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "model/text_file.h"
#include "tensorflow_config.pb.h"

namespace holdfast {
namespace {

namespace serving = tensorflow::serving;
using Policy = serving::FileSystemStoragePathSourceConfig::ServableVersionPolicy;

constexpr std::size_t kFileBytesMax = MiB(1);
constexpr std::size_t kProblemsMax = 5;

// Protobuf's text reader would write its complaints to stderr.
class Complaints final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (found_.size() == kProblemsMax) return;
    found_.push_back(fmt::format("line {}, column {}: {}", line + 1, column + 1, message));
  }
  std::string text() const { return fmt::format("{}", fmt::join(found_, "; ")); }

 private:
  std::vector<std::string> found_;
};

Result<VersionPolicy> PolicyFrom(const serving::ModelConfig& config) {
  const Policy& from = config.model_version_policy();
  VersionPolicy policy;
  switch (from.policy_choice_case()) {
    case Policy::kAll:
      policy.kind = VersionPolicy::Kind::kAll;
      break;
    case Policy::kSpecific:
      if (from.specific().versions().empty()) {
        return Error{Reason::kBadModel, "a specific version policy names no version"};
      }
      policy.kind = VersionPolicy::Kind::kSpecific;
      policy.specific.assign(from.specific().versions().begin(), from.specific().versions().end());
      std::ranges::sort(policy.specific);
      policy.specific.erase(std::ranges::unique(policy.specific).begin(), policy.specific.end());
      break;
    case Policy::kLatest:
      policy.latest = std::max(from.latest().num_versions(), 1u);
      break;
    case Policy::POLICY_CHOICE_NOT_SET:
      break;
  }
  return policy;
}

}  // namespace

Result<std::vector<ServedModel>> ServedModelsFrom(const serving::ModelServerConfig& config) {
  if (!config.has_model_config_list()) {
    return Error{Reason::kBadModel, "there is no model_config_list"};
  }
  std::vector<ServedModel> models;
  for (const serving::ModelConfig& entry : config.model_config_list().config()) {
    ServedModel model{.name = entry.name(), .base_path = entry.base_path()};
    Result<VersionPolicy> policy = PolicyFrom(entry);
    if (!policy) {
      return Error{policy.error().reason,
                   fmt::format("model \"{}\": {}", entry.name(), policy.error().message)};
    }
    model.rule.policy = *std::move(policy);
    model.rule.labels = {entry.version_labels().begin(), entry.version_labels().end()};
    models.push_back(std::move(model));
  }
  TRY_DO(CheckServedModels(models));
  return models;
}

Result<std::vector<ServedModel>> ParseModelConfigList(std::string_view text) {
  Complaints complaints;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&complaints);
  serving::ModelServerConfig config;
  if (!parser.ParseFromString(std::string(text), &config)) {
    return Error{Reason::kBadModel, complaints.text()};
  }
  return ServedModelsFrom(config);
}

Result<std::vector<ServedModel>> ReadModelConfigFile(const std::filesystem::path& file) {
  const Result<std::string> text = ReadTextFile(file, kFileBytesMax);
  Result<std::vector<ServedModel>> models =
      text ? ParseModelConfigList(*text) : tl::make_unexpected(text.error());
  if (models) return models;
  return Error{models.error().reason, fmt::format("{}: {}", file.string(), models.error().message)};
}

}  // namespace holdfast
