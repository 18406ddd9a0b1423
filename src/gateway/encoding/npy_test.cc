// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoding/npy.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace holdfast {
namespace {

std::vector<std::uint8_t> Npy(const std::string& dict, std::size_t element_bytes, char major = 1) {
  std::string file = "\x93NUMPY";
  file += major;
  file += '\0';
  const std::string header = dict + '\n';
  for (std::size_t i = 0; i < (major == 1 ? 2U : 4U); ++i) {
    file += static_cast<char>(header.size() >> (8 * i));
  }
  file += header + std::string(element_bytes, 'e');
  return {file.begin(), file.end()};
}

std::string Dict(const std::string& type, const std::string& shape,
                 const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

TEST(Npy, ReadsWhatNumpySaves) {
  const auto file = Npy(Dict("<f4", "(2, 3)"), 24);
  const auto array = ReadNpy(file);
  ASSERT_TRUE(array) << array.error().message;
  EXPECT_EQ(array->dtype, DType::kFloat32);
  EXPECT_EQ(array->shape, (Shape{2, 3}));
  EXPECT_EQ(array->elements.size(), 24U);
  EXPECT_TRUE(ReadNpy(Npy(Dict("|u1", "(5,)"), 5)));
  EXPECT_TRUE(ReadNpy(Npy(Dict("<f4", "()"), 4, 2)));
  EXPECT_TRUE(ReadNpy(Npy(Dict("<f4", "(0, 3)"), 0, 3)));
}

TEST(Npy, RefusesWhatItCannotRepresent) {
  for (const auto& file :
       {Npy(Dict("<f8", "(1,)"), 8), Npy(Dict(">f4", "(1,)"), 4), Npy(Dict("|O", "(1,)"), 8),
        Npy(Dict("<f4", "(2, 3)", "True"), 24), Npy(Dict("<f4", "(2, 3)"), 23),
        Npy(Dict("<f4", "(2, 3)"), 28), Npy(Dict("<f4", "(-1,)"), 4), Npy(Dict("<f4", "(2 3)"), 24),
        Npy(Dict("<f4", "(2, 3"), 24), Npy(Dict("<f4", "5"), 20),
        Npy(Dict("<f4", "(1,1,1,1,1,1,1,1,1)"), 4),
        Npy(Dict("<f4", "(4294967296, 4294967296, 4)"), 0), Npy("{}", 0), Npy("", 0),
        Npy(std::string(5000, ' '), 0), Npy(Dict("<f4", "(1,)"), 4, 9)}) {
    EXPECT_FALSE(ReadNpy(file));
  }
  EXPECT_FALSE(ReadNpy({}));
}

TEST(Npy, NeverReadsBeyondAFileThatIsCutOrCorrupt) {
  const auto whole = Npy(Dict("<f4", "(2, 3)"), 24);
  std::mt19937 random(5);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::uint8_t> cut(whole.begin(),
                                        whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(ReadNpy(cut));
  }
  for (int i = 0; i < 50'000; ++i) {
    std::vector<std::uint8_t> corrupt = whole;
    for (int k = 0; k < 3; ++k) {
      corrupt[random() % corrupt.size()] = static_cast<std::uint8_t>(random());
    }
    if (const auto array = ReadNpy(corrupt)) {
      EXPECT_LE(array->elements.size(), corrupt.size());
    }
  }
}

}  // namespace
}  // namespace holdfast
