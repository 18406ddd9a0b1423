// SPDX-License-Identifier: Apache-2.0
#include "apps/resolve_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apps/setting_samples.h"
#include "apps/settings.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

std::string TomlLine(const Setting& setting, const std::string& value) {
  return IsNumber(setting) ? fmt::format("{} = {}\n", setting.name, value)
                           : fmt::format("{} = \"{}\"\n", setting.name, value);
}

// What the setting needs besides itself, so that it is accepted.
std::string Companions(const Setting& setting, bool present) {
  if (setting.name == "model_name") return "model_base_path = \"folder\"\n";
  if (!present) return "";
  if (setting.name == "tls_certificate") return "tls_key = \"key\"\n";
  if (setting.name == "tls_key") return "tls_certificate = \"certificate\"\n";
  if (setting.name == "tls_client_ca") {
    return "tls_key = \"key\"\ntls_certificate = \"certificate\"\n";
  }
  return "";
}

class EverySetting : public testing::TestWithParam<Setting> {};

TEST_P(EverySetting, IsTakenFromFlagThenVariableThenFileThenDefault) {
  const Setting& setting = GetParam();
  const TempDir folder;
  const std::string values[] = {SampleValue(setting, 0), SampleValue(setting, 1),
                                SampleValue(setting, 2)};
  for (unsigned present = 0; present < 8; ++present) {
    const bool in_flag = present & 1, in_variable = present & 2, in_file = present & 4;
    ConfigSources sources;
    sources.config_file = folder.Write("c.toml", Companions(setting, present != 0) +
                                                     (in_file ? TomlLine(setting, values[2]) : ""));
    if (in_flag) sources.flags.push_back({FlagName(setting.name), values[0]});
    if (in_variable) sources.environment[VariableName(setting.name)] = values[1];
    const auto resolved = ResolveConfig(sources);
    ASSERT_TRUE(resolved) << resolved.error().front().where << " " << resolved.error().front().what;
    ServerConfig wanted;
    std::string origin;
    if (present != 0) {
      const int from = in_flag ? 0 : in_variable ? 1 : 2;
      ASSERT_EQ(AssignText(setting, values[from], wanted), std::nullopt);
      origin = in_flag       ? "--" + FlagName(setting.name)
               : in_variable ? VariableName(setting.name)
                             : sources.config_file.string();
    } else if (setting.name == "model_name" || setting.name == "model_base_path") {
      wanted.model_name = setting.name == "model_name" ? "default" : "";
    }
    EXPECT_EQ(FormatValue(setting, resolved->config), FormatValue(setting, wanted)) << present;
    const auto found = resolved->origins.find(std::string(setting.name));
    EXPECT_EQ(found != resolved->origins.end(), present != 0);
    if (present != 0) {
      EXPECT_TRUE(found->second.starts_with(origin)) << found->second;
    }
  }
}

TEST_P(EverySetting, SurvivesTheWayToTheGatewayAsFlags) {
  if (GetParam().name == "platform") GTEST_SKIP() << "it changes other settings";
  const Setting& setting = GetParam();
  ServerConfig config;
  if (setting.name == "model_name") config.model_base_path = "folder";
  if (setting.name == "model_base_path") config.model_name = "m";
  if (setting.name.starts_with("tls_")) config.tls_certificate = config.tls_key = "file";
  ASSERT_EQ(AssignText(setting, SampleValue(setting), config), std::nullopt);
  ConfigSources sources;
  for (const std::string& flag : FormatAsFlags(config)) {
    const std::size_t equals = flag.find('=');
    sources.flags.push_back({flag.substr(2, equals - 2), flag.substr(equals + 1)});
  }
  const auto resolved = ResolveConfig(sources);
  ASSERT_TRUE(resolved) << resolved.error().front().what;
  EXPECT_EQ(resolved->config, config);
}

INSTANTIATE_TEST_SUITE_P(All, EverySetting, testing::ValuesIn(Settings().begin(), Settings().end()),
                         [](const auto& test) { return std::string(test.param.name); });

std::vector<ConfigProblem> ProblemsOf(const ConfigSources& sources) {
  const auto resolved = ResolveConfig(sources);
  return resolved ? std::vector<ConfigProblem>{} : resolved.error();
}

TEST(ResolveConfig, OfAFlagGivenTwiceTheLastCounts) {
  const auto resolved = ResolveConfig({.flags = {{"workers", "3"}, {"workers", "4"}}});
  EXPECT_EQ(resolved->config.workers, 4u);
}

TEST(ResolveConfig, RefusesHalfOfATlsPair) {
  for (const char* flag : {"tls-certificate", "tls-key", "tls-client-ca"}) {
    const auto problems = ProblemsOf({.flags = {{flag, "file"}}});
    ASSERT_EQ(problems.size(), 1u) << flag;
    EXPECT_EQ(problems[0].exit_code, 64);
    EXPECT_NE(problems[0].what.find("as well"), std::string::npos) << problems[0].what;
  }
}

TEST(ResolveConfig, TakesTensorFlowServingsFlags) {
  const auto resolved = ResolveConfig({.flags = {{"rest-api-port", "9001"}, {"port", "9000"}},
                                       .extras = {"--enable_batching=true"}});
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->config.http_port, 9001);
  EXPECT_EQ(resolved->config.grpc_port, 9000);
  ASSERT_EQ(resolved->notes.size(), 1u);
  EXPECT_EQ(ProblemsOf({.extras = {"--model_config_file=x"}}).size(), 1u);
}

TEST(ResolveConfig, TakesSageMakersPortUnlessOursIsGiven) {
  const std::string platform = "SAGEMAKER_BIND_TO_PORT";
  EXPECT_EQ(ResolveConfig({.environment = {{platform, "9999"}}})->config.http_port, 9999);
  const auto both =
      ResolveConfig({.environment = {{platform, "9999"}, {"HOLDFAST_HTTP_PORT", "1234"}}});
  EXPECT_EQ(both->config.http_port, 1234);
  const TempDir folder;
  const auto file = ResolveConfig({.environment = {{platform, "9999"}},
                                   .config_file = folder.Write("c.toml", "http_port = 8080\n")});
  EXPECT_EQ(file->config.http_port, 9999);
}

TEST(ResolveConfig, TranslatesSageMakersVariablesUnlessOursAreGiven) {
  const auto resolved =
      ResolveConfig({.environment = {{"SAGEMAKER_MODEL_SERVER_WORKERS", "3"},
                                     {"SAGEMAKER_MODEL_SERVER_TIMEOUT", "600"},
                                     {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "6"},
                                     {"SAGEMAKER_CONTAINER_LOG_LEVEL", "30"},
                                     {"SAGEMAKER_SAFE_PORT_RANGE", "23000-23999"},
                                     {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv"},
                                     {"SAGEMAKER_BATCH", "true"},
                                     {"HOLDFAST_ADMIN_PORT", "23500"}}});
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->config.workers, 3u);
  EXPECT_EQ(resolved->config.deadline_default_ms, std::chrono::minutes(10));
  EXPECT_EQ(resolved->config.deadline_max_ms, std::chrono::minutes(10));
  EXPECT_EQ(resolved->config.body_bytes_max, MiB(6));
  EXPECT_EQ(resolved->config.log_level, LogLevel::kWarning);
  EXPECT_EQ(resolved->config.grpc_port, 23000);
  EXPECT_EQ(resolved->config.admin_port, 23500);
  EXPECT_EQ(resolved->origins.at("grpc_port"), "SAGEMAKER_SAFE_PORT_RANGE");
  ASSERT_EQ(resolved->notes.size(), 1u);
  EXPECT_EQ(resolved->platform, Platform::kSageMaker);
}

TEST(ResolveConfig, AShortTimeoutOfSageMakersLeavesTheLongestAsItIs) {
  const auto config =
      ResolveConfig({.environment = {{"SAGEMAKER_MODEL_SERVER_TIMEOUT", "600"},
                                     {"SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", "7"}}})
          ->config;
  EXPECT_EQ(config.deadline_default_ms, std::chrono::seconds(7));
  EXPECT_EQ(config.deadline_max_ms, ServerConfig{}.deadline_max_ms);
}

TEST(ResolveConfig, WithSeveralModelsOfSageMakersTheyComeByItsCallsAlone) {
  const auto resolved = ResolveConfig(
      {.environment = {{"SAGEMAKER_MULTI_MODEL", "true"}, {"HOLDFAST_MODEL_REPOSITORY", "/opt"}}});
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->config.model_control, ModelControl::kSageMaker);
  EXPECT_EQ(resolved->config.model_repository, "");
  ASSERT_EQ(resolved->notes.size(), 1u);
  EXPECT_TRUE(resolved->notes[0].starts_with("HOLDFAST_MODEL_REPOSITORY has no effect"));
  const auto one = ResolveConfig({.environment = {{"SAGEMAKER_MULTI_MODEL", "false"}}});
  EXPECT_EQ(one->config.model_control, ModelControl::kAdmin);
}

TEST(ResolveConfig, RefusesWhatSageMakerCannotMean) {
  const std::pair<const char*, const char*> wrong[] = {
      {"SAGEMAKER_MODEL_SERVER_WORKERS", "many"}, {"SAGEMAKER_MODEL_SERVER_TIMEOUT", "0"},
      {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "101"},     {"SAGEMAKER_CONTAINER_LOG_LEVEL", "loud"},
      {"SAGEMAKER_SAFE_PORT_RANGE", "23000"},     {"SAGEMAKER_SAFE_PORT_RANGE", "2-1"}};
  for (const auto& [variable, value] : wrong) {
    const auto problems = ProblemsOf({.environment = {{variable, value}}});
    ASSERT_EQ(problems.size(), 1u) << variable;
    EXPECT_EQ(problems[0].where, variable);
    EXPECT_EQ(problems[0].exit_code, 64);
  }
}

TEST(ResolveConfig, NamesTheNearestForUnknownNamesInEverySource) {
  const TempDir folder;
  const auto file = folder.Write("c.toml", "workers = 2\n\nhttp_prt = 80\n");
  const auto problems = ProblemsOf({.extras = {"--htp-port", "80", "--zzzzzzzzzzzz=1", "stray"},
                                    .environment = {{"HOLDFAST_HTTP_PROT", "80"}},
                                    .config_file = file});
  ASSERT_EQ(problems.size(), 5u);
  EXPECT_EQ(problems[0].where, file.string() + ":3");
  EXPECT_NE(problems[0].what.find("try http_port"), std::string::npos);
  EXPECT_EQ(problems[0].exit_code, 78);
  EXPECT_EQ(problems[1].where, "HOLDFAST_HTTP_PROT");
  EXPECT_NE(problems[1].what.find("try HOLDFAST_HTTP_PORT"), std::string::npos);
  EXPECT_EQ(problems[1].exit_code, 64);
  EXPECT_EQ(problems[2].where, "--htp-port");
  EXPECT_NE(problems[2].what.find("try --http-port"), std::string::npos);
  EXPECT_NE(problems[3].what.find("--help"), std::string::npos);
  EXPECT_EQ(problems[4].where, "stray");
}

TEST(ResolveConfig, ReportsAllBadValuesAtOnceWithTheirPlaces) {
  const TempDir folder;
  const auto file = folder.Write("c.toml",
                                 "workers = \"two\"\n"
                                 "model_name = 3\n"
                                 "keep_alive_s = 0\n"
                                 "queue_bytes_max = \"1TB\"\n"
                                 "[section]\n"
                                 "x = 1\n"
                                 "[log_format]\n"
                                 "y = 2\n");
  const auto problems = ProblemsOf({.flags = {{"http-port", "65536"}},
                                    .environment = {{"HOLDFAST_SANDBOX", "maybe"}},
                                    .config_file = file});
  std::vector<std::string> places;
  for (const ConfigProblem& problem : problems) places.push_back(problem.where);
  std::vector<std::string> wanted;
  for (const int line : {3, 7, 2, 4, 5, 1}) {
    wanted.push_back(file.string() + ":" + std::to_string(line));
  }
  wanted.insert(wanted.end(), {"HOLDFAST_SANDBOX", "--http-port"});
  std::ranges::sort(wanted);
  std::ranges::sort(places);
  EXPECT_EQ(places, wanted);
}

TEST(ResolveConfig, SaysWhereAFileIsNoToml) {
  const TempDir folder;
  const auto problems =
      ProblemsOf({.config_file = folder.Write("c.toml", "workers = 1\nhttp_port = = 2\n")});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].where.find("c.toml:2"), std::string::npos) << problems[0].where;
  EXPECT_EQ(problems[0].exit_code, 78);
}

TEST(ResolveConfig, RefusesAFileThatIsMissingAFolderOrHuge) {
  const TempDir folder;
  for (const auto& file : {folder.path() / "none.toml", folder.path(),
                           folder.Write("huge.toml", std::string(300 * 1024, '#'))}) {
    const auto problems = ProblemsOf({.environment = {{"HOLDFAST_CONFIG", file.string()}}});
    ASSERT_EQ(problems.size(), 1u) << file;
    EXPECT_EQ(problems[0].exit_code, 66);
  }
}

TEST(ResolveConfig, IgnoresWhatKubernetesSaysOfAServiceOfTheSameName) {
  const auto resolved = ResolveConfig({.environment = {
                                           {"HOLDFAST_SERVICE_HOST", "10.0.0.1"},
                                           {"HOLDFAST_SERVICE_PORT", "8080"},
                                           {"HOLDFAST_SERVICE_PORT_HTTP", "8080"},
                                           {"HOLDFAST_PORT", "tcp://10.0.0.1:8080"},
                                           {"HOLDFAST_PORT_8080_TCP", "tcp://10.0.0.1:8080"},
                                           {"HOLDFAST_PORT_8080_TCP_ADDR", "10.0.0.1"},
                                           {"HOLDFAST_PORT_8080_TCP_PORT", "8080"},
                                           {"HOLDFAST_PORT_8080_TCP_PROTO", "tcp"},
                                           {"HOLDFAST_HTTP_PORT", "tcp://10.0.0.1:80"},
                                           {"HOLDFAST_HTTP_SERVICE_HOST", "10.0.0.1"},
                                       }});
  ASSERT_TRUE(resolved) << resolved.error().front().where;
  EXPECT_EQ(resolved->config, ServerConfig{});
}

TEST(ResolveConfig, TakesAnEmptyVariableForNoneAndRefusesAnEmptyFlag) {
  EXPECT_TRUE(ResolveConfig({.environment = {{"HOLDFAST_WORKERS", ""}, {"HOLDFAST_CONFIG", ""}}}));
  EXPECT_EQ(ProblemsOf({.flags = {{"model-name", ""}}}).size(), 1u);
}

TEST(ResolveConfig, RefusesSettingsThatContradictEachOther) {
  using Flags = std::vector<GivenFlag>;
  for (const Flags& flags : {
           Flags{{"http-port", "90"}, {"grpc-port", "90"}},
           Flags{{"deadline-default-ms", "60000"}},
           Flags{{"model-name", "m"}},
           Flags{{"model-base-path", "a"}, {"model-repository", "b"}},
           Flags{{"body-bytes-max", "512MiB"}},
           Flags{{"bind-address", "localhost"}},
       }) {
    const auto problems = ProblemsOf({.flags = flags});
    ASSERT_EQ(problems.size(), 1u) << flags[0].name;
    EXPECT_EQ(problems[0].where, "--" + flags[0].name);
  }
  EXPECT_TRUE(ResolveConfig({.flags = {{"http-port", "0"}, {"grpc-port", "0"}}}));
  EXPECT_TRUE(ResolveConfig({.flags = {{"bind-address", "::"}}}));
}

TEST(ResolveConfig, NamesTheOneModelOfABasePathAsTensorFlowServingDoes) {
  EXPECT_EQ(ResolveConfig({.flags = {{"model-base-path", "m"}}})->config.model_name, "default");
}

struct PlatformCase {
  const char* flag;
  const char* variable;
  Platform platform;
  int drain_s;
  int lame_duck_s;
};

TEST(Platforms, GiveTheTimesToStopWhereNobodyElseDoes) {
  const PlatformCase cases[] = {
      {"", "", Platform::kNone, 25, 0},
      {"none", "ECS_CONTAINER_METADATA_URI_V4", Platform::kNone, 25, 0},
      {"", "ECS_CONTAINER_METADATA_URI_V4", Platform::kEcs, 110, 5},
      {"", "SAGEMAKER_BATCH", Platform::kSageMaker, 25, 0},
      {"", "KUBERNETES_SERVICE_HOST", Platform::kKubernetes, 75, 5},
      {"beanstalk", "", Platform::kBeanstalk, 8, 2},
      {"ec2", "", Platform::kEc2, 110, 5},
  };
  for (const PlatformCase& one : cases) {
    ConfigSources sources;
    if (*one.flag != '\0') sources.flags.push_back({"platform", one.flag});
    if (*one.variable != '\0') sources.environment[one.variable] = "something";
    const auto resolved = ResolveConfig(sources);
    ASSERT_TRUE(resolved) << one.flag << one.variable;
    EXPECT_EQ(resolved->platform, one.platform) << one.flag << one.variable;
    EXPECT_EQ(resolved->config.drain_timeout_s.count(), one.drain_s) << one.flag << one.variable;
    EXPECT_EQ(resolved->config.lame_duck_s.count(), one.lame_duck_s) << one.flag << one.variable;
  }
}

TEST(Platforms, DoNotOverruleWhatIsGiven) {
  const auto resolved = ResolveConfig({.flags = {{"platform", "ecs"}, {"drain-timeout-s", "7"}}});
  ASSERT_TRUE(resolved);
  EXPECT_EQ(resolved->config.drain_timeout_s.count(), 7);
  EXPECT_EQ(resolved->config.lame_duck_s.count(), 5);
}

}  // namespace
}  // namespace holdfast
