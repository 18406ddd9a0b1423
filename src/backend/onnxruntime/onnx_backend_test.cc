// SPDX-License-Identifier: Apache-2.0
#include "backend/onnxruntime/onnx_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kTiny = fs::path(HOLDFAST_TEST_MODELS) / "tiny/1/model.onnx";
constexpr std::size_t kInputElements = 3 * 32 * 32;
constexpr std::size_t kClasses = 10;

std::vector<float> Ramp() {
  std::vector<float> input(kInputElements);
  for (std::size_t i = 0; i < input.size(); ++i) {
    input[i] = static_cast<float>(i * 7919 % 255) / 127.5f - 1.0f;
  }
  return input;
}

// A plain colour, as model.toml's preprocessing makes it.
std::vector<float> Colour(float red, float green, float blue) {
  std::vector<float> input(kInputElements);
  const std::size_t plane = input.size() / 3;
  const float channels[] = {red, green, blue};
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = channels[i / plane];
  return input;
}

std::ptrdiff_t ThreadCount() {
  return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
}

TEST(OnnxBackend, DescribesAndRunsTheTinyModel) {
  const auto backend = OnnxBackend::Open().value();
  EXPECT_THAT(backend->version(), HasSubstr("1."));
  EXPECT_TRUE(backend->Reads("a/model.onnx"));
  EXPECT_FALSE(backend->Reads("a/model.pb"));
  const auto session = backend->Load(kTiny).value();
  EXPECT_EQ(session->signature(), (Signature{{"input", DType::kFloat32, {kAnyDim, 3, 32, 32}},
                                             {"logits", DType::kFloat32, {kAnyDim, 10}}}));
  std::vector<float> scores(kClasses);
  const auto best = [&](const std::vector<float>& input) {
    EXPECT_TRUE(session->Run(input, scores));
    return std::max_element(scores.begin(), scores.end()) - scores.begin();
  };
  EXPECT_EQ(best(Colour(-1, -1, -1)), 0);
  EXPECT_EQ(best(Colour(1, -1, -1)), 2);
  EXPECT_EQ(best(Colour(1, -1, 1)), 7);
}

// The library silences its telemetry, and its thread, where CI is set: the test must not be.
TEST(OnnxBackend, FiftyForkedChildrenGiveTheSameBitsAndOnlyOneThreadEverExists) {
  ::unsetenv("CI");
  const auto backend = OnnxBackend::Open().value();
  EXPECT_STREQ(std::getenv("ORT_DISABLE_TELEMETRY"), "1");
  const auto session = backend->Load(kTiny).value();
  const std::vector<float> input = Ramp();
  std::vector<float> expected(kClasses);
  ASSERT_TRUE(session->Run(input, expected));
  ASSERT_EQ(ThreadCount(), 1);
  for (int child = 0; child < 50; ++child) {
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      std::vector<float> scores(kClasses);
      bool same = true;
      for (int i = 0; i < 10; ++i) {
        same = same && session->Run(input, scores).has_value() &&
               std::memcmp(scores.data(), expected.data(), kClasses * sizeof(float)) == 0;
      }
      ::_exit(same && ThreadCount() == 1 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0);
  }
  std::vector<float> scores(kClasses);
  ASSERT_TRUE(session->Run(input, scores));
  EXPECT_EQ(scores, expected);
}

TEST(OnnxBackend, AFileThatIsNoModelIsABadModel) {
  const TempDir dir;
  const auto backend = OnnxBackend::Open().value();
  const std::string graph = ReadWholeFile(kTiny);
  for (const std::string& content :
       {std::string("not a model"), graph.substr(0, graph.size() / 2), std::string()}) {
    const auto session = backend->Load(dir.Write("model.onnx", content));
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().reason, Reason::kBadModel);
    EXPECT_THAT(session.error().message, HasSubstr("ONNX Runtime: "));
    EXPECT_EQ(session.error().message.find('\n'), std::string::npos);
  }
  EXPECT_EQ(backend->Load(dir.path() / "gone.onnx").error().reason, Reason::kBadModel);
}

// Every input that a broken client can cause has to come back as numbers, not as an exception.
TEST(OnnxBackend, HostileNumbersDoNotThrow) {
  const auto backend = OnnxBackend::Open().value();
  const auto session = backend->Load(kTiny).value();
  std::vector<float> scores(kClasses);
  for (const float value : {NAN, INFINITY, -INFINITY, 1e38f, 1e-40f}) {
    EXPECT_TRUE(session->Run(std::vector<float>(kInputElements, value), scores));
  }
}

}  // namespace
}  // namespace holdfast
