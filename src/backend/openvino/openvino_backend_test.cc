// SPDX-License-Identifier: Apache-2.0
#include "backend/openvino/openvino_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

#if HOLDFAST_HAS_OPENVINO

constexpr std::size_t kInputElements = 32 * 32 * 3;
constexpr std::size_t kClasses = 10;
constexpr std::size_t kItems = 4;
const fs::path kModels = HOLDFAST_TEST_OPENVINO;
const fs::path kTiny = fs::path(HOLDFAST_TEST_MODELS) / "tiny/1/model.onnx";

// The inputs that make_openvino_models.py gave to TensorFlow, as pixels.
std::vector<float> Pixels(std::size_t item) {
  std::vector<float> pixels(kInputElements);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<float>((i * 7919 + item * 104729) % 256);
  }
  return pixels;
}

std::vector<float> Scaled(std::vector<float> pixels) {
  for (float& pixel : pixels) pixel /= 255.0f;
  return pixels;
}

// TensorFlow's answers: the numbers that stand behind "scores" in expected.json.
std::vector<std::vector<float>> Expected() {
  const std::string text = ReadWholeFile(kModels / "expected.json");
  std::vector<std::vector<float>> rows(kItems, std::vector<float>(kClasses));
  const char* at = text.c_str() + text.find("\"scores\"") + std::strlen("\"scores\"");
  for (std::vector<float>& row : rows) {
    for (float& score : row) {
      at += std::strcspn(at, "0123456789");
      char* end = nullptr;
      score = std::strtof(at, &end);
      at = end;
    }
  }
  return rows;
}

std::vector<float> ScoresOf(Session& session, const std::vector<float>& input) {
  std::vector<float> scores(kClasses);
  const Status ran = session.Run(input, scores);
  EXPECT_TRUE(ran) << ran.error().message;
  return scores;
}

std::ptrdiff_t ThreadCount() {
  return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
}

// Waits until every other thread waits in futex, as a zygote does before each fork.
void AwaitParked() {
  const std::string self = std::to_string(::getpid());
  const std::string futex = std::to_string(SYS_futex);
  for (bool parked = false; !parked; std::this_thread::yield()) {
    parked = true;
    for (const auto& task : fs::directory_iterator("/proc/self/task")) {
      std::string call;
      std::ifstream(task.path() / "syscall") >> call;
      parked = parked && (task.path().filename() == self || call == futex);
    }
  }
}

TEST(OpenVinoBackend, EveryFormatAnswersAsTensorFlow) {
  OpenVinoBackend backend;
  EXPECT_THAT(backend.version(), HasSubstr("202"));
  const std::vector<std::vector<float>> expected = Expected();
  ASSERT_NEAR(expected[3][2], 0.1227, 1e-4);  // They were read.
  for (const char* file : {"keras/1/saved_model.pb", "lite/1/model.tflite", "ir/1/model.xml",
                           "bytes/1/saved_model.pb"}) {
    ASSERT_TRUE(backend.Reads(kModels / file));
    const auto loaded = backend.Load(kModels / file);
    ASSERT_TRUE(loaded) << loaded.error().message;
    Session& session = **loaded;
    EXPECT_EQ(session.signature().input.shape, (Shape{kAnyDim, 32, 32, 3}));
    EXPECT_EQ(session.signature().output.shape, (Shape{kAnyDim, 10}));
    const bool bytes = session.signature().input.dtype == DType::kUint8;
    for (std::size_t item = 0; item < kItems; ++item) {
      const auto scores = ScoresOf(session, bytes ? Pixels(item) : Scaled(Pixels(item)));
      for (std::size_t i = 0; i < kClasses; ++i) {
        EXPECT_NEAR(scores[i], expected[item][i], 1e-4) << file << " item " << item;
      }
    }
  }
}

TEST(OpenVinoBackend, TensorsAreCalledAsTheSignatureCallsThem) {
  OpenVinoBackend backend;
  const auto session = backend.Load(kModels / "keras/1/saved_model.pb").value();
  EXPECT_EQ(session->signature(), (Signature{{"pixels", DType::kFloat32, {kAnyDim, 32, 32, 3}},
                                             {"output_0", DType::kFloat32, {kAnyDim, 10}}}));
}

TEST(OpenVinoBackend, ReadsOnnxToo) {
  OpenVinoBackend backend;
  const auto session = backend.Load(kTiny).value();
  EXPECT_EQ(session->signature(), (Signature{{"input", DType::kFloat32, {kAnyDim, 3, 32, 32}},
                                             {"logits", DType::kFloat32, {kAnyDim, 10}}}));
  std::vector<float> red(kInputElements, -1.0f);
  std::fill(red.begin(), red.begin() + kInputElements / 3, 1.0f);
  const std::vector<float> scores = ScoresOf(*session, red);
  EXPECT_EQ(std::max_element(scores.begin(), scores.end()) - scores.begin(), 2);
}

// HOLDFAST_TEST_FORKS makes it more: the run of record is 10000.
TEST(OpenVinoBackend, ForkedChildrenGiveTheSameBitsWhileTheParentsThreadsAreParked) {
  const char* asked = std::getenv("HOLDFAST_TEST_FORKS");
  const int forks = asked == nullptr ? 300 : std::atoi(asked);
  OpenVinoBackend backend;
  EXPECT_EQ(backend.threads_after_load(), ThreadsAfterLoad::kParked);
  const auto session = backend.Load(kModels / "keras/1/saved_model.pb").value();
  const std::vector<float> input = Scaled(Pixels(1));
  const std::vector<float> expected = ScoresOf(*session, input);
  ASSERT_GT(ThreadCount(), 1) << "the library keeps no threads any more: the rule can be kNone";
  for (int child = 0; child < forks; ++child) {
    AwaitParked();
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      ::alarm(60);  // A child that waits for a thread which it does not have.
      bool same = true;
      std::vector<float> scores(kClasses);
      for (int i = 0; i < 5; ++i) {
        same = same && session->Run(input, scores).has_value() && scores == expected;
      }
      ::_exit(same && ThreadCount() == 1 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0) << "fork " << child;
    if (child % 10 == 0) {
      ASSERT_EQ(ScoresOf(*session, input), expected);
    }
  }
}

TEST(OpenVinoBackend, AGraphOfEncodedImagesTakesPicturesOfAnySizeAndSoDoItsChildren) {
  OpenVinoBackend backend;
  for (const auto& [name, fast] : {std::pair("encoded", true), std::pair("encoded-v1", false)}) {
    const auto session = backend.Load(kModels / name / "1/saved_model.pb").value();
    EXPECT_EQ(session->signature(), (Signature{{"image_bytes", DType::kString, {kAnyDim}},
                                               {"probabilities", DType::kFloat32, {kAnyDim, 10}}}));
    ASSERT_TRUE(session->pictures()) << name;
    EXPECT_EQ(session->pictures()->fast_jpeg, fast) << name;
    const auto scores_of = [&session = *session](std::uint32_t width, std::uint32_t height) {
      std::vector<std::uint8_t> rgb(std::size_t{3} * width * height);
      for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<std::uint8_t>(i * 7 / 3);
      std::vector<float> scores(kClasses);
      const Status ran = session.RunPicture(rgb, width, height, scores);
      EXPECT_TRUE(ran) << ran.error().message;
      return scores;
    };
    const std::vector<float> expected = scores_of(50, 30);
    EXPECT_NEAR(std::accumulate(expected.begin(), expected.end(), 0.0), 1.0, 1e-4);
    EXPECT_NE(scores_of(1, 1), expected);
    AwaitParked();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::alarm(60);
      const bool same = scores_of(50, 30) == expected && scores_of(700, 2) != expected;
      ::_exit(same && ThreadCount() == 1 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << name;
  }
}

TEST(OpenVinoBackend, AFileThatIsNoModelIsABadModel) {
  const TempDir dir;
  OpenVinoBackend backend;
  for (const char* name : {"model.xml", "model.tflite", "saved_model.pb", "model.onnx"}) {
    const auto session = backend.Load(dir.Write(name, "not a model"));
    ASSERT_FALSE(session) << name;
    EXPECT_EQ(session.error().reason, Reason::kBadModel);
    EXPECT_THAT(session.error().message, HasSubstr("OpenVINO: "));
    EXPECT_EQ(session.error().message.find('\n'), std::string::npos);
  }
  EXPECT_EQ(backend.Load(dir.path() / "gone.tflite").error().reason, Reason::kBadModel);
}

TEST(OpenVinoBackend, HostileNumbersDoNotThrow) {
  OpenVinoBackend backend;
  const auto session = backend.Load(kModels / "keras/1/saved_model.pb").value();
  for (const float value : {NAN, INFINITY, -INFINITY, 1e38f, 1e-40f}) {
    ScoresOf(*session, std::vector<float>(kInputElements, value));
  }
}

#else

TEST(OpenVinoBackend, WithoutTheLibraryALoadSaysHowToGetIt) {
  OpenVinoBackend backend;
  EXPECT_EQ(backend.version(), "absent");
  const auto session = backend.Load("a/saved_model.pb");
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().reason, Reason::kBadModel);
  EXPECT_THAT(session.error().message, HasSubstr("HOLDFAST_OPENVINO"));
}

#endif

}  // namespace
}  // namespace holdfast
