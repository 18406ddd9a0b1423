// SPDX-License-Identifier: Apache-2.0
#include "backend/onnxruntime/external_files.h"

#include <gtest/gtest.h>

#include "testing/temp_dir.h"

namespace holdfast {
namespace {

std::string Varint(std::size_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>((number & 0x7F) | 0x80);
  return bytes + static_cast<char>(number);
}

// One length-delimited protobuf field.
std::string Field(std::size_t number, const std::string& bytes) {
  return Varint(number << 3 | 2) + Varint(bytes.size()) + bytes;
}

std::string Tensor(const std::string& file) {
  return Field(8, "weight") + Field(13, Field(1, "offset") + Field(2, "0")) +
         Field(13, Field(1, "location") + Field(2, file));
}

std::set<std::string> FilesOf(const std::string& model) {
  return ExternalFilesOf(std::string_view(model)).value();
}

TEST(ExternalFiles, AreFoundInInitializersAttributesAndSubgraphs) {
  const std::string subgraph = Field(5, Tensor("c.bin"));
  const std::string node = Field(5, Field(5, Tensor("b.bin"))) + Field(5, Field(6, subgraph));
  const std::string graph = Field(1, node) + Field(5, Tensor("a.bin")) + Field(5, Tensor("a.bin"));
  const std::string version("\x08\x08", 2);
  EXPECT_EQ(FilesOf(version + Field(7, graph)), (std::set<std::string>{"a.bin", "b.bin", "c.bin"}));
  EXPECT_EQ(FilesOf(Field(25, Field(7, node))), (std::set<std::string>{"b.bin", "c.bin"}));
}

TEST(ExternalFiles, AModelInOnePieceHasNone) {
  const std::filesystem::path tiny(HOLDFAST_TEST_MODELS "/tiny/1/model.onnx");
  EXPECT_TRUE(ExternalFilesOf(tiny).value().empty());
}

TEST(ExternalFiles, EveryPrefixOfAModelIsReadWithoutHarm) {
  const std::string model = Field(7, Field(5, Tensor("a.bin")));
  for (std::size_t size = 0; size < model.size(); ++size) {
    EXPECT_FALSE(ExternalFilesOf(std::string_view(model).substr(0, size))) << size;
  }
  EXPECT_FALSE(ExternalFilesOf(std::string_view("plain text")));
}

TEST(ExternalFiles, NestingIsBounded) {
  std::string graph;
  for (int i = 0; i < 1000; ++i) graph = Field(1, Field(5, Field(6, graph)));
  EXPECT_FALSE(ExternalFilesOf(std::string_view(Field(7, graph))));
}

}  // namespace
}  // namespace holdfast
