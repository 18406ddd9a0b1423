// SPDX-License-Identifier: Apache-2.0
#include "worker/graph_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "backend/fake/fake_backend.h"
#include "backend/onnxruntime/onnx_backend.h"
#include "testing/temp_dir.h"
#include "worker/proven_model.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;
using testing::HasSubstr;

const fs::path kPacked = fs::path(HOLDFAST_TEST_MODELS) / "tiny/1";

class Graphs : public testing::Test {
 protected:
  Graphs() {
    fs::copy(kPacked, model_, fs::copy_options::recursive);
    fs::create_directory(folder_);
  }

  Servable Read() const { return ReadServable(model_, {"tiny", 1}).value(); }
  ModelRunner Load() {
    auto proven = LoadProven(Read(), backends_, ImageLimits{}, &cache_);
    EXPECT_TRUE(proven) << proven.error().message;
    return std::move(proven->runner);
  }
  // What a first start leaves behind.
  KeptGraph Made() {
    const std::optional<KeptGraph> made = Load().kept_graph();
    EXPECT_TRUE(made && made->made_now);
    return *made;
  }
  // A byte in the middle of a file becomes another; its size stays.
  static void Flip(const fs::path& file) {
    std::string bytes = ReadWholeFile(file);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
    std::ofstream(file, std::ios::binary).write(bytes.data(), std::ssize(bytes));
  }
  std::size_t Entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}));
  }

  TempDir dir_;
  fs::path model_ = dir_.path() / "tiny";
  fs::path folder_ = dir_.path() / "graphs";
  GraphCache cache_{folder_};
  std::unique_ptr<OnnxBackend> onnx_ = OnnxBackend::Open().value();
  FakeBackend fake_;
  std::array<Backend*, 2> backends_{onnx_.get(), &fake_};
};

std::vector<float> ScoresOf(ModelRunner& runner) {
  std::vector<float> scores(runner.classes());
  const std::string photo = ReadWholeFile(kPacked / "golden/left-to-right.png");
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(photo.data());
  EXPECT_TRUE(runner.ClassifyImage({bytes, photo.size()}, scores));
  return scores;
}

TEST_F(Graphs, TheSecondStartLoadsWhatTheFirstOneMade) {
  Made();
  ModelRunner second = Load();
  ASSERT_TRUE(second.kept_graph());
  EXPECT_FALSE(second.kept_graph()->made_now);
  EXPECT_TRUE(second.kept_graph()->source_unchanged);
  EXPECT_EQ(Entries(), 1u);
  ModelRunner plain = ModelRunner::Load(Read(), backends_, ImageLimits{}).value();
  EXPECT_FALSE(plain.kept_graph());
  const std::vector<float> kept_scores = ScoresOf(second);
  const std::vector<float> plain_scores = ScoresOf(plain);
  ASSERT_EQ(kept_scores.size(), plain_scores.size());
  for (std::size_t i = 0; i < plain_scores.size(); ++i) {
    EXPECT_FLOAT_EQ(kept_scores[i], plain_scores[i]);
  }
}

TEST_F(Graphs, AnEntryThatChangedOnTheDiskIsMadeAnew) {
  const KeptGraph made = Made();
  for (const KeptGraph::File& file : made.files) {
    Flip(made.folder / file.name);
    EXPECT_THAT(GraphCache::Verify(made).error().message, HasSubstr(file.name));
    EXPECT_TRUE(Load().kept_graph()->made_now) << file.name;
    EXPECT_TRUE(GraphCache::Verify(made));
  }
  fs::resize_file(made.folder / made.files.front().name, 10);
  EXPECT_TRUE(Load().kept_graph()->made_now);
  fs::remove(made.folder / "seal");
  EXPECT_TRUE(Load().kept_graph()->made_now);
  EXPECT_FALSE(Load().kept_graph()->made_now);
}

TEST_F(Graphs, AnAlteredModelFileIsRefusedThoughItsGraphIsKept) {
  Made();
  Flip(model_ / "model.onnx");
  const auto proven = LoadProven(Read(), backends_, ImageLimits{}, &cache_);
  ASSERT_FALSE(proven);
  EXPECT_THAT(proven.error().message, HasSubstr("model.onnx is not the file that was packed"));
}

// An engine whose optimiser is at fault: what it writes gives no finite score.
class WrongOptimiser final : public FakeBackend {
 public:
  bool Prepares(const fs::path& file) const override { return Reads(file); }
  Status Prepare(const fs::path&, const fs::path& folder) override {
    std::ofstream(folder / "fake.toml") << "[[on]]\nclass = 3\ndo = \"nan\"\n";
    return {};
  }
  Result<std::unique_ptr<Session>> LoadPrepared(const fs::path& folder) override {
    return Load(folder / "fake.toml");
  }
};

TEST_F(Graphs, AGraphThatAnswersWronglyGivesWayToTheFile) {
  dir_.Write("fake/fake.toml", "# Answers rightly.\n");
  const std::string red = ReadWholeFile(kPacked / "golden/red.png");
  dir_.Write("fake/red.png", red);
  dir_.Write("fake/model.toml",
             "engine = \"fake\"\nfile = \"fake.toml\"\n[preprocessing]\ngeometry = \"stretch\"\n"
             "crop = [32, 32]\nmean = [0, 0, 0]\ndeviation = [1, 1, 1]\n"
             "[[golden]]\nfile = \"red.png\"\nclass = 3\n"
             "[sha256]\n\"fake.toml\" = "
             "\"743e243a527b0254ac7f05bb1ae89b00e131b2096b92bdd6f09c71974a375611\"\n");
  WrongOptimiser engine;
  const std::array<Backend*, 1> engines{&engine};
  const auto servable = ReadServable(dir_.path() / "fake", {"fake", 1});
  ASSERT_TRUE(servable) << servable.error().message;
  testing::internal::CaptureStderr();
  const auto proven = LoadProven(*servable, engines, ImageLimits{}, &cache_);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("the kept graph of fake/1 is not used: fake/1: golden example red.png: "));
  ASSERT_TRUE(proven) << proven.error().message;
  EXPECT_FALSE(proven->runner.kept_graph());
  EXPECT_EQ(Entries(), 0u);
}

TEST_F(Graphs, WhoeverDiedOfAnEntryIsNotFollowedByTheNext) {
  const KeptGraph made = Made();
  ASSERT_TRUE(cache_.BeginTrial(made));  // And is heard of no more.
  EXPECT_FALSE(Load().kept_graph()) << "within the minute it may be a neighbour who is loading";
  EXPECT_TRUE(fs::exists(made.folder));
  fs::last_write_time(made.folder / "trial", fs::file_time_type::clock::now() - minutes(2));
  EXPECT_FALSE(Load().kept_graph());
  EXPECT_FALSE(fs::exists(made.folder));
  EXPECT_TRUE(Load().kept_graph()->made_now);
}

TEST_F(Graphs, OnlyPackedModelsAndEnginesThatCanAreKept) {
  Servable servable = Read();
  EXPECT_FALSE(cache_.Make(servable, fake_));
  servable.config.sha256.clear();
  EXPECT_FALSE(cache_.Make(servable, *onnx_));
  EXPECT_FALSE(cache_.Find(servable, *onnx_));
  EXPECT_EQ(Entries(), 0u);
}

TEST_F(Graphs, WhereNothingCanBeWrittenTheFileIsLoaded) {
  fs::remove(folder_);
  dir_.Write("graphs", "a file, not a folder");
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Load().kept_graph());
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("tiny/1: its optimised graph is not kept: "));
}

TEST_F(Graphs, TheOldestEntriesGoFirstAndWhatWasLeftHalfMadeToo) {
  const auto age = [](const fs::path& file, int since) {
    fs::last_write_time(file, fs::file_time_type::clock::now() - minutes(since));
  };
  for (std::size_t i = 0; i < GraphCache::kEntriesMax; ++i) {
    age(dir_.Write(fs::path("graphs") / std::to_string(i) / "seal", ""),
        i == 7 ? 500 : static_cast<int>(i) + 1);
  }
  dir_.Write("graphs/.half-made/weights.bin", "");
  age(folder_ / ".half-made", 61);
  dir_.Write("graphs/.being-made/weights.bin", "");
  const KeptGraph made = Made();
  EXPECT_FALSE(fs::exists(folder_ / "7"));
  EXPECT_TRUE(fs::exists(folder_ / "63"));
  EXPECT_TRUE(fs::exists(made.folder));
  EXPECT_FALSE(fs::exists(folder_ / ".half-made"));
  EXPECT_TRUE(fs::exists(folder_ / ".being-made"));
}

}  // namespace
}  // namespace holdfast
