// SPDX-License-Identifier: Apache-2.0
#include "supervisor/startup_plan.h"

#include <gtest/gtest.h>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

SupervisorOptions TwoModels() {
  SupervisorOptions options;
  options.workers_why = "2: one a CPU";
  options.gateway.default_model = "tiny";
  options.image_pixels_max = 50'000'000;
  return options;
}

ServableDescription Tiny() {
  return {.key = {"tiny", 1},
          .signature = {.input = {"x", DType::kFloat32, {kAnyDim, 3, 8, 8}},
                        .output = {"y", DType::kFloat32, {kAnyDim, 10}}},
          .output = OutputKind::kLogits,
          .labels = {},
          .engine = "fake 1",
          .service = std::chrono::microseconds(1500),
          .load_ms = 12,
          .golden_examples = 1,
          .assumptions = {"logits"}};
}

TEST(StartupPlan, TellsWhatIsServedAndWhatCouldNotBeLoaded) {
  const std::string plan = FormatStartupPlan(TwoModels(), {.http = 8081, .grpc = 8501},
                                             {{{"tiny", 1}, 2, Tiny()}, {{"broken", 3}, 0, {}}});
  for (const char* words :
       {"tiny/1", "fake 1", "float32 [N,3,8,8] -> 10 classes", "2 workers", "1.5 ms an image",
        "1 golden example passed", "assumed: logits", "broken/3  not loaded", "2: one a CPU",
        "http://0.0.0.0:8081", "0.0.0.0:8501", "50 megapixels", "seccomp"}) {
    EXPECT_NE(plan.find(words), std::string::npos) << words << " in\n" << plan;
  }
}

TEST(StartupPlan, TellsWhatIsAskedOfClients) {
  SupervisorOptions options = TwoModels();
  EXPECT_EQ(FormatStartupPlan(options, {}, {}).find("  access"), std::string::npos);
  options.credentials = {.certificate = "C", .key = "K", .client_ca = "A"};
  const std::string plan = FormatStartupPlan(options, {.http = 8443}, {});
  EXPECT_NE(plan.find("https://0.0.0.0:8443"), std::string::npos) << plan;
  EXPECT_NE(plan.find("  access    TLS 1.2 or newer, with a client certificate\n"),
            std::string::npos)
      << plan;
}

TEST(StartupPlan, SaysThatKeysTravelInTheClear) {
  SupervisorOptions options = TwoModels();
  options.credentials.api_keys = "a key";
  const std::string plan = FormatStartupPlan(options, {}, {});
  EXPECT_NE(plan.find("  access    not encrypted, with an API key\n"), std::string::npos) << plan;
}

TEST(StartupPlan, SaysThatNothingProvesTheModel) {
  ServableDescription tiny = Tiny();
  tiny.golden_examples = 0;
  SupervisorOptions options = TwoModels();
  options.sandbox = Sandboxing::kOff;
  const std::string plan = FormatStartupPlan(options, {}, {{tiny.key, 1, tiny}});
  EXPECT_NE(plan.find("no golden example"), std::string::npos) << plan;
  EXPECT_NE(plan.find("off: workers can reach"), std::string::npos) << plan;
}

TEST(StartupPlan, SaysWhatTheSandboxLacks) {
  ServableDescription tiny = Tiny();
  tiny.sandbox_gap = "the kernel refuses seccomp: Operation not permitted";
  const std::string plan = FormatStartupPlan(TwoModels(), {}, {{tiny.key, 1, tiny}});
  EXPECT_NE(
      plan.find("  sandbox   incomplete: the kernel refuses seccomp: Operation not permitted\n"),
      std::string::npos)
      << plan;
}

TEST(PortFile, HoldsThePorts) {
  const TempDir folder;
  const auto file = folder.Write("ports.json", "old");
  ASSERT_TRUE(WritePortFile(file, {.http = 1234, .grpc = 5678, .admin = 9}));
  EXPECT_EQ(ReadWholeFile(file), "{\"http\":1234,\"grpc\":5678,\"admin\":9}\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()),
                          std::filesystem::directory_iterator()),
            1);
}

TEST(PortFile, ThatCannotBeWrittenIsAUsageError) {
  const TempDir folder;
  const auto taken = folder.path() / "a-folder";
  std::filesystem::create_directory(taken);
  for (const auto& file : {folder.path() / "no" / "such" / "folder", taken}) {
    const Status written = WritePortFile(file, {});
    ASSERT_FALSE(written) << file;
    EXPECT_EQ(written.error().reason, Reason::kUsage);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()),
                          std::filesystem::directory_iterator()),
            1)
      << "something is left";
}

}  // namespace
}  // namespace holdfast
