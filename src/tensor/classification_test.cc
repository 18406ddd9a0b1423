// SPDX-License-Identifier: Apache-2.0
#include "tensor/classification.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace holdfast {
namespace {

TEST(Softmax, EqualsItsDefinition) {
  std::array<float, 3> scores{1, 2, 3};
  Softmax(scores);
  EXPECT_NEAR(scores[0], 0.09003057, 1e-6);
  EXPECT_NEAR(scores[1], 0.24472847, 1e-6);
  EXPECT_NEAR(scores[2], 0.66524096, 1e-6);
}

TEST(Softmax, StaysFiniteAndSumsToOneForAnyFiniteScores) {
  constexpr float kMax = std::numeric_limits<float>::max();
  std::vector<std::vector<float>> rows{{kMax, -kMax, 0}, {kMax, kMax}, {-kMax, -kMax}, {0}};
  std::mt19937 random(1);
  for (int i = 0; i < 100; ++i) {
    std::vector<float> row(1000);
    for (float& score : row) score = std::normal_distribution<float>(0, 50)(random);
    rows.push_back(row);
  }
  for (std::vector<float>& row : rows) {
    Softmax(row);
    EXPECT_TRUE(AllFinite(row));
    EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), 1.0, 1e-4);
  }
  Softmax({});
}

TEST(AllFinite, FindsWhatIsNoNumber) {
  EXPECT_TRUE(AllFinite({}));
  EXPECT_TRUE(AllFinite(std::array{1.0f, -1e38f}));
  EXPECT_FALSE(AllFinite(std::array{1.0f, NAN}));
  EXPECT_FALSE(AllFinite(std::array{-INFINITY, 1.0f}));
}

TEST(TopK, IsTheHeadOfTheSortedRowAndEqualsKeepTheirOrder) {
  const std::array row{0.1f, 0.3f, 0.1f, 0.5f};
  EXPECT_EQ(TopK(row, 3), (std::vector<ClassScore>{{3, 0.5f}, {1, 0.3f}, {0, 0.1f}}));
  EXPECT_EQ(TopK(row, 99).size(), 4u);
  EXPECT_TRUE(TopK(row, 0).empty());
  EXPECT_TRUE(TopK({}, 5).empty());
}

}  // namespace
}  // namespace holdfast
