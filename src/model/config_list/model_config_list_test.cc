// SPDX-License-Identifier: Apache-2.0
#include "model/config_list/model_config_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

std::string Complaint(const char* text) {
  const auto models = ParseModelConfigList(text);
  if (models) return "";
  EXPECT_EQ(models.error().reason, Reason::kBadModel);
  return models.error().message;
}

// The example of TensorFlow Serving's documentation ("Serving models with a config file"),
// shortened.
TEST(ModelConfigList, ReadsWhatTensorFlowServingReads) {
  const auto models = ParseModelConfigList(R"(
    # Two models.
    model_config_list {
      config {
        name: 'flowers'
        base_path: "/models/flowers"
        model_platform: "tensorflow"
        model_version_policy { specific { versions: 42 versions: 7 } }
        version_labels { key: 'stable' value: 7 }
        version_labels { key: 'canary' value: 42 }
      }
      config { name: "cats", base_path: "/models/cats", model_version_policy: { latest { num_versions: 2 } } }
      config { name: "dogs" base_path: "/models/dogs" model_version_policy { all {} } }
    })");
  ASSERT_TRUE(models) << models.error().message;
  ASSERT_EQ(models->size(), 3u);
  const ServedModel& flowers = models->front();
  EXPECT_EQ(flowers.name, "flowers");
  EXPECT_EQ(flowers.base_path, "/models/flowers");
  EXPECT_EQ(FormatVersionPolicy(flowers.rule.policy), "specific:7,42");
  EXPECT_EQ(flowers.rule.labels, (VersionLabels{{"canary", 42}, {"stable", 7}}));
  EXPECT_EQ(FormatVersionPolicy((*models)[1].rule.policy), "latest:2");
  EXPECT_EQ(FormatVersionPolicy((*models)[2].rule.policy), "all");
}

TEST(ModelConfigList, SaysWhereItIsNotUnderstood) {
  EXPECT_THAT(Complaint("model_config_list {\n  config { nmae: \"m\" }\n}"),
              HasSubstr("line 2, column 16"));
  EXPECT_THAT(Complaint("model_config_list {"), HasSubstr("line 1"));
  EXPECT_THAT(Complaint(""), HasSubstr("no model_config_list"));
  EXPECT_THAT(Complaint("model_config_list { config { name: \"m\" base_path: \"/m\" "
                        "model_version_policy { specific {} } } }"),
              HasSubstr("\"m\": a specific version policy names no version"));
}

TEST(ModelConfigList, NamesAllProblemsAtOnce) {
  const std::string complaint = Complaint(R"(model_config_list {
    config { name: "m" base_path: "/m" }
    config { name: "m" base_path: "/n" }
    config { name: "a b" base_path: "/a" }
    config { name: "k" }
    config { name: "l" base_path: "/l" version_labels { key: "" value: 1 } }
  })");
  EXPECT_THAT(complaint, HasSubstr("\"m\" comes twice"));
  EXPECT_THAT(complaint, HasSubstr("\"a b\" is no model name"));
  EXPECT_THAT(complaint, HasSubstr("\"k\" has no base_path"));
  EXPECT_THAT(complaint, HasSubstr("\"l\" has a label without a name"));
}

TEST(ModelConfigList, AFileThatCannotBeReadIsNamed) {
  const TempDir dir;
  const auto models = ReadModelConfigFile(dir.path() / "models.config");
  ASSERT_FALSE(models);
  EXPECT_THAT(models.error().message, HasSubstr("models.config"));
}

}  // namespace
}  // namespace holdfast
