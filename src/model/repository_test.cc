// SPDX-License-Identifier: Apache-2.0
#include "model/repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::vector<std::int64_t> VersionsOf(const Catalog& catalog, const std::string& name) {
  std::vector<std::int64_t> versions;
  for (const CatalogEntry& entry : catalog.models.at(name)) versions.push_back(entry.key.version);
  return versions;
}

TEST(Repository, ListsModelsWithTheirVersionsAscending) {
  const TempDir dir;
  for (const char* name : {"cats/2", "cats/10", "cats/1", "cats/old", "cats/.3", "cats/4x",
                           "dogs/0001", "empty", ".hidden/1", "-x/1", "sp ace/1"}) {
    fs::create_directories(dir.path() / name);
  }
  dir.Write("cats/7", "a file is no version");
  dir.Write("readme.txt", "a file is no model");
  const Catalog catalog = ReadRepository(dir.path()).value();
  EXPECT_EQ(catalog.models.size(), 2u);
  EXPECT_EQ(VersionsOf(catalog, "cats"), (std::vector<std::int64_t>{1, 2, 10}));
  EXPECT_EQ(VersionsOf(catalog, "dogs"), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(catalog.models.at("dogs")[0].folder.filename(), "0001");
  EXPECT_EQ(catalog.models.at("cats")[2].key, (ModelKey{"cats", 10}));
}

TEST(Repository, SaysWhatIsThereWhenNothingIsOffered) {
  const TempDir dir;
  const auto message = [&](const fs::path& path) {
    const Result<Catalog> catalog = ReadRepository(path);
    EXPECT_EQ(catalog.error().reason, Reason::kNotFound);
    return catalog.error().message;
  };
  EXPECT_THAT(message(dir.path() / "gone"), HasSubstr("gone is missing"));
  EXPECT_THAT(message(dir.Write("file", "x")), HasSubstr("is no folder"));
  EXPECT_THAT(message(dir.path()), HasSubstr("it holds no folders"));
  dir.Write("cats/1/model.toml", "");
  EXPECT_THAT(message(dir.path() / "cats"), HasSubstr("it is a model's own folder"));
  EXPECT_THAT(message(dir.path() / "cats/1"), HasSubstr("it is a version's own folder"));
}

TEST(Repository, RefusesTwoFoldersOfOneVersion) {
  const TempDir dir;
  fs::create_directories(dir.path() / "cats/1");
  fs::create_directories(dir.path() / "cats/01");
  EXPECT_THAT(ReadRepository(dir.path()).error().message, HasSubstr("are the same version"));
}

TEST(Repository, ReadsOneModelFromItsBasePath) {
  const TempDir dir;
  fs::create_directories(dir.path() / "anything/3");
  const Catalog catalog = ReadModel("cats", dir.path() / "anything").value();
  EXPECT_EQ(VersionsOf(catalog, "cats"), (std::vector<std::int64_t>{3}));
  EXPECT_THAT(ReadModel("cats", dir.path()).error().message,
              HasSubstr("holds no version folder (1, 2, …) of cats: it holds anything"));
}

TEST(Repository, FindsTheServableThatAPathMeans) {
  const TempDir dir;
  for (const char* name : {"cats/2", "cats/10", "other"}) {
    fs::create_directories(dir.path() / name);
  }
  EXPECT_EQ(FindServable(dir.path() / "cats/2").value().key, (ModelKey{"cats", 2}));
  EXPECT_EQ(FindServable(dir.path() / "cats/2/").value().key, (ModelKey{"cats", 2}));
  EXPECT_EQ(FindServable(dir.path() / "cats/").value().key, (ModelKey{"cats", 10}));
  EXPECT_EQ(FindServable(dir.path() / "cats/3").error().reason, Reason::kNotFound);
  EXPECT_EQ(FindServable(dir.path() / "other").error().reason, Reason::kNotFound);
  dir.Write("other/model.toml", "");
  EXPECT_THAT(FindServable(dir.path() / "other").error().message, HasSubstr("rename it to"));
}

TEST(Repository, ModelNamesAreSafeInPathsAndUrls) {
  for (const char* good : {"resnet50", "a.b-c_D", "1"}) EXPECT_TRUE(IsModelName(good)) << good;
  for (const char* bad : {"", ".", "..", ".a", "-a", "a/b", "a b", "ä", "a\n"}) {
    EXPECT_FALSE(IsModelName(bad)) << bad;
  }
  EXPECT_FALSE(IsModelName(std::string(129, 'a')));
}

TEST(Repository, AnArchiveIsAVersionOrHoldsVersionsOrAFolderWithOneOfThese) {
  const TempDir dir;
  dir.Write("bare/saved_model.pb", "x");
  dir.Write("bare/variables/variables.index", "x");
  dir.Write("versions/2/model.onnx", "x");
  dir.Write("versions/README.md", "x");
  dir.Write("named/resnet50/3/model.onnx", "x");
  dir.Write("wrapped/export/model.onnx", "x");
  const auto found = [&](const char* name) {
    const Catalog catalog = ReadUnpacked("a1", dir.path() / name).value();
    EXPECT_EQ(catalog.models.size(), 1u);
    const CatalogEntry& entry = catalog.models.at("a1").back();
    EXPECT_EQ(entry.key.name, "a1");
    return std::pair(entry.key.version, fs::relative(entry.folder, dir.path()).string());
  };
  EXPECT_EQ(found("bare"), std::pair(std::int64_t{1}, std::string("bare")));
  EXPECT_EQ(found("versions"), std::pair(std::int64_t{2}, std::string("versions/2")));
  EXPECT_EQ(found("named"), std::pair(std::int64_t{3}, std::string("named/resnet50/3")));
  EXPECT_EQ(found("wrapped"), std::pair(std::int64_t{1}, std::string("wrapped/export")));
}

TEST(Repository, AnArchiveOfNothingOrOfSeveralThingsIsNone) {
  const TempDir dir;
  fs::create_directories(dir.path() / "empty");
  dir.Write("two/cats/model.onnx", "x");
  dir.Write("two/dogs/model.onnx", "x");
  dir.Write("deep/a/b/c/model.onnx", "x");
  dir.Write("hidden/.DS_Store", "x");
  for (const char* name : {"empty", "two", "deep", "hidden", "missing"}) {
    const auto catalog = ReadUnpacked("a1", dir.path() / name);
    ASSERT_FALSE(catalog) << name;
    EXPECT_EQ(catalog.error().reason, Reason::kNotFound) << name;
  }
}

}  // namespace
}  // namespace holdfast
