// SPDX-License-Identifier: Apache-2.0
#include "model/servable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/digest.h"
#include "model/text_file.h"
#include "testing/temp_dir.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const ModelKey kKey{"cats", 1};

std::string ErrorOf(const TempDir& dir) {
  const Result<Servable> servable = ReadServable(dir.path(), kKey);
  return servable ? "" : servable.error().message;
}

TEST(Servable, IsReadWithItsLabels) {
  const TempDir dir;
  dir.Write("net.onnx", "graph");
  dir.Write("names.txt",
            "\xEF\xBB\xBF"
            "cat\r\ndog\r\n\n");
  dir.Write("golden/cat.jpg", "photo");
  dir.Write("model.toml",
            "file = \"net.onnx\"\nlabels = \"names.txt\"\n"
            "[[golden]]\nfile = \"golden/cat.jpg\"\nclass = 1\n");
  std::vector<Problem> problems;
  const Result<Servable> servable = ReadServable(dir.path(), kKey, &problems);
  ASSERT_TRUE(servable) << servable.error().message;
  EXPECT_EQ(servable->labels, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(servable->key, kKey);
  EXPECT_TRUE(servable->assumptions.empty());
  EXPECT_TRUE(problems.empty());
}

TEST(Servable, ABareOnnxFileIsServedWithStatedAssumptions) {
  const TempDir dir;
  dir.Write("resnet.onnx", "graph");
  const Result<Servable> servable = ReadServable(dir.path(), kKey);
  ASSERT_TRUE(servable) << servable.error().message;
  EXPECT_EQ(servable->config.file, "resnet.onnx");
  EXPECT_EQ(servable->config.preprocessing, Preprocessing{});
  const std::string said = testing::PrintToString(servable->assumptions);
  EXPECT_THAT(said, HasSubstr("the model is resnet.onnx"));
  EXPECT_THAT(said, HasSubstr("named by their number"));
}

TEST(Servable, WithoutTomlEveryFormatIsFoundByItsName) {
  for (const char* name : {"saved_model.pb", "classifier.tflite", "model.xml", "model.onnx"}) {
    const TempDir dir;
    dir.Write(name, "graph");
    dir.Write("model.bin", "weights");
    dir.Write("variables/variables.index", "weights");
    const Result<Servable> servable = ReadServable(dir.path(), kKey);
    ASSERT_TRUE(servable) << servable.error().message;
    EXPECT_EQ(servable->config.file, name);
  }
}

TEST(Servable, WithoutTomlTheLabelsFileIsUsedWhereItIs) {
  const TempDir dir;
  dir.Write("model.onnx", "graph");
  dir.Write("other.onnx", "graph");
  dir.Write("labels.txt", "a\nb\n");
  const Result<Servable> servable = ReadServable(dir.path(), kKey);
  ASSERT_TRUE(servable) << servable.error().message;
  EXPECT_EQ(servable->config.file, "model.onnx");
  EXPECT_EQ(servable->labels.size(), 2u);
}

TEST(Servable, AMissingFolderIsNotFound) {
  const Result<Servable> servable = ReadServable("/nonexistent/cats/1", kKey);
  ASSERT_FALSE(servable);
  EXPECT_EQ(servable.error().reason, Reason::kNotFound);
  EXPECT_THAT(servable.error().message, HasSubstr("cats/1: /nonexistent/cats/1 is missing"));
}

TEST(Servable, AFolderWithoutAModelSaysWhatItLacks) {
  const TempDir dir;
  EXPECT_THAT(ErrorOf(dir), HasSubstr("model.onnx is missing, and so is model.toml"));
  dir.Write("a.onnx", "x");
  dir.Write("b.onnx", "x");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("it must say which is the model: a.onnx, b.onnx"));
}

TEST(Servable, TheModelFileMustBeAReadableFile) {
  const TempDir dir;
  dir.Write("model.toml", "# All defaults.\n");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("model.onnx is missing"));
  fs::create_symlink("nowhere", dir.path() / "model.onnx");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("model.onnx is a link to nothing"));
  fs::remove(dir.path() / "model.onnx");
  fs::create_symlink(dir.path(), dir.path() / "model.onnx");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("model.onnx is a link to a folder"));
  fs::remove(dir.path() / "model.onnx");
  dir.Write("model.onnx", "");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("model.onnx is empty"));
  dir.Write("model.onnx", "x");
  EXPECT_EQ(ErrorOf(dir), "");
  if (::geteuid() == 0) return;  // Root reads everything.
  fs::permissions(dir.path() / "model.onnx", fs::perms::none);
  EXPECT_THAT(ErrorOf(dir), HasSubstr("may not be read by user"));
}

TEST(Servable, AllProblemsOfTheFolderAreListedAtOnce) {
  const TempDir dir;
  dir.Write("labels.txt", "a\n\nb\xFF\n");
  dir.Write("model.toml",
            "labels = \"labels.txt\"\n"
            "[signature]\noutput = {name = \"y\", shape = [-1, 10]}\n"
            "[[golden]]\nfile = \"gone.jpg\"\nclass = 10\n");
  std::vector<Problem> problems;
  const Result<Servable> servable = ReadServable(dir.path(), kKey, &problems);
  ASSERT_FALSE(servable);
  EXPECT_EQ(servable.error().reason, Reason::kBadModel);
  EXPECT_EQ(problems.size(), 6u) << servable.error().message;
  for (const char* part :
       {"model.onnx is missing", "gone.jpg is missing", "labels.txt:2 is empty",
        "labels.txt:3 is not UTF-8", "has 3 labels, the signature's output has 10 classes",
        "golden class 10 of gone.jpg is none"}) {
    EXPECT_THAT(servable.error().message, HasSubstr(part));
  }
}

TEST(Servable, ABrokenTomlIsReportedWithItsLines) {
  const TempDir dir;
  dir.Write("model.onnx", "x");
  dir.Write("model.toml", "fil = \"x\"\nengine = 1\n");
  EXPECT_THAT(ErrorOf(dir), HasSubstr("model.toml:1 unknown key fil"));
  EXPECT_THAT(ErrorOf(dir), HasSubstr("model.toml:2 engine must be"));
}

TEST(Servable, DigestsNameTheFileThatDiffers) {
  const TempDir dir;
  dir.Write("model.onnx", "abc");
  dir.Write("labels.txt", "a\n");
  Servable servable;
  servable.folder = dir.path();
  servable.config.sha256["model.onnx"] =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_TRUE(VerifyDigests(servable).empty());
  servable.config.sha256["labels.txt"] = std::string(64, '0');
  servable.config.sha256["gone"] = std::string(64, '0');
  const std::vector<Problem> problems = VerifyDigests(servable);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].where, "gone");
  EXPECT_EQ(problems[1].where, "labels.txt");
  EXPECT_THAT(problems[1].what, HasSubstr("is not the file that was packed"));
}

TEST(Digest, EqualsThePublishedVectors) {
  EXPECT_EQ(Sha256({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::vector<std::uint8_t> million(1'000'000, 'a');
  const char* expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
  EXPECT_EQ(Sha256(million), expected);
  const TempDir dir;
  EXPECT_EQ(Sha256OfFile(dir.Write("a", std::string(1'000'000, 'a'))).value(), expected);
  EXPECT_EQ(Sha256OfFile(dir.path() / "gone").error().reason, Reason::kNotFound);
  EXPECT_FALSE(Sha256OfFile(dir.path()));
}

TEST(TextFile, OnlyWellFormedUtf8IsTaken) {
  for (const char* good : {"", "abc", "é", "€", "𝄞"}) EXPECT_TRUE(IsUtf8(good)) << good;
  for (const char* bad : {"\x80", "\xC0\x80", "\xE2\x82", "\xED\xA0\x80", "\xF5\x80\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

}  // namespace
}  // namespace holdfast
