// SPDX-License-Identifier: Apache-2.0
#include "backend/fake/fake_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <vector>

#include "backend/fake/fake_script.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

class Fake : public testing::Test {
 protected:
  Result<std::unique_ptr<Session>> Load(const std::string& script) {
    return FakeBackend().Load(dir_.Write("fake.toml", script));
  }

  // The scores for a plain picture of class `answer`, of 10.
  static Result<std::vector<float>> Run(Session& session, std::uint32_t answer) {
    const std::vector<float> input(3 * 32 * 32, (static_cast<float>(answer) + 0.5f) / 10.0f);
    std::vector<float> scores(10);
    TRY_DO(session.Run(input, scores));
    return scores;
  }

  TempDir dir_;
};

using FakeDeathTest = Fake;

std::size_t Best(const std::vector<float>& scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

TEST_F(Fake, AnswersWithTheBrightnessOfThePicture) {
  const auto session = Load("").value();
  EXPECT_EQ(session->signature().input.shape, (Shape{kAnyDim, 3, 32, 32}));
  for (std::uint32_t answer = 0; answer < 10; ++answer) {
    EXPECT_EQ(Best(Run(*session, answer).value()), answer);
  }
}

TEST_F(Fake, ClassesAreBoundedWhateverTheInput) {
  const auto class_of = [](float level) { return FakeClassOf(std::vector{level}, 10); };
  EXPECT_EQ(class_of(-1.0f), 0u);
  EXPECT_EQ(class_of(0.95f), 9u);
  EXPECT_EQ(class_of(1.0f), 9u);
  EXPECT_EQ(class_of(1e30f), 9u);
  EXPECT_EQ(class_of(std::nanf("")), 0u);
  EXPECT_EQ(FakeClassOf({}, 10), 0u);
}

TEST_F(Fake, GivesGarbageAndErrorsOnCommandAndElseTheRightAnswer) {
  const auto session = Load(
                           "[[on]]\nclass = 1\ndo = \"nan\"\n[[on]]\nclass = 2\ndo = \"inf\"\n"
                           "[[on]]\nclass = 3\ndo = \"zeros\"\n[[on]]\nclass = 4\ndo = \"error\"\n"
                           "[[on]]\nclass = 5\ndo = \"out-of-memory\"\n"
                           "[[on]]\nclass = 6\ndo = \"leak\"\nleak_mib = 1\n"
                           "[[on]]\nclass = 7\ndo = \"slow\"\nms = 2\n")
                           .value();
  EXPECT_TRUE(std::isnan(Run(*session, 1).value()[0]));
  EXPECT_TRUE(std::isinf(Run(*session, 2).value()[0]));
  EXPECT_EQ(Run(*session, 3).value(), std::vector<float>(10, 0.0f));
  EXPECT_EQ(Run(*session, 4).error().reason, Reason::kInternal);
  EXPECT_EQ(Run(*session, 5).error().reason, Reason::kInsufficientResources);
  EXPECT_EQ(Best(Run(*session, 6).value()), 6u);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Best(Run(*session, 7).value()), 7u);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(2));
  EXPECT_EQ(Best(Run(*session, 8).value()), 8u);
}

TEST_F(Fake, TakesItsServiceTimeBusyOrIdle) {
  for (const char* busy : {"true", "false"}) {
    const auto session = Load("service_ms = 3\nbusy = " + std::string(busy)).value();
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(Run(*session, 1));
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(3));
  }
}

TEST_F(Fake, ARuleMayLetItemsPassFirst) {
  const auto session = Load("[[on]]\nafter = 2\ndo = \"error\"\n").value();
  EXPECT_TRUE(Run(*session, 1));
  EXPECT_TRUE(Run(*session, 2));
  EXPECT_FALSE(Run(*session, 3));
}

TEST_F(FakeDeathTest, DiesInTheWayThatItIsToldTo) {
  const auto dies = [&](const char* deed, const auto& predicate) {
    const auto session = Load(std::string("[[on]]\nclass = 3\ndo = \"") + deed + '"').value();
    EXPECT_TRUE(Run(*session, 2));
    EXPECT_EXIT((void)Run(*session, 3), predicate, "");
  };
  dies("abort", testing::KilledBySignal(SIGABRT));
  dies("segv", testing::KilledBySignal(SIGSEGV));
  dies("exit", testing::ExitedWithCode(3));
  EXPECT_EXIT((void)Load("on_load = \"abort\""), testing::KilledBySignal(SIGABRT), "");
}

TEST_F(FakeDeathTest, HangsAndSpinsUntilItIsKilled) {
  for (const char* deed : {"hang", "spin"}) {
    const auto session = Load(std::string("[[on]]\ndo = \"") + deed + '"').value();
    const auto run = [&] {
      ::alarm(1);
      (void)Run(*session, 3);
    };
    EXPECT_EXIT(run(), testing::KilledBySignal(SIGALRM), "");
  }
}

TEST_F(Fake, ABrokenModelIsOneThatDoesNotLoad) {
  EXPECT_EQ(Load("on_load = \"error\"").error().reason, Reason::kBadModel);
  EXPECT_EQ(Load("on_load = \"out-of-memory\"").error().reason, Reason::kInsufficientResources);
  EXPECT_EQ(FakeBackend().Load("/nonexistent/fake.toml").error().reason, Reason::kBadModel);
}

TEST(FakeScript, FaultsAreNamedWithTheirLine) {
  const auto fault = [](const char* script) {
    const Result<FakeScript> parsed = ParseFakeScript(script, "fake.toml");
    EXPECT_FALSE(parsed) << script;
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_THAT(fault("\nclasses = 1"), HasSubstr("fake.toml:2 classes must be a whole number"));
  EXPECT_THAT(fault("width = 0"), HasSubstr("width must be"));
  EXPECT_THAT(fault("service_ms = -1"), HasSubstr("service_ms must be milliseconds"));
  EXPECT_THAT(fault("busy = 1"), HasSubstr("busy must be true or false"));
  EXPECT_THAT(fault("on_load = \"explode\""), HasSubstr("on_load must be one of none, abort"));
  EXPECT_THAT(fault("clases = 3"), HasSubstr("unknown key clases; there are: classes, width"));
  EXPECT_THAT(fault("on = 3"), HasSubstr("on must be [[on]] tables"));
  EXPECT_THAT(fault("[[on]]\nclass = 10"), HasSubstr("class must be a whole number from 0 to 9"));
  EXPECT_THAT(fault("a = = 1"), HasSubstr("fake.toml:1"));
}

}  // namespace
}  // namespace holdfast
