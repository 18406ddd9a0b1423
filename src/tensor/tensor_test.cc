// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tensor/shape.h"
#include "tensor/signature.h"

namespace holdfast {
namespace {

TEST(Shape, CountsElementsAndTakesTheBatchAsOne) {
  EXPECT_EQ(ElementCount(Shape{kAnyDim, 3, 224, 224}), 150528u);
  EXPECT_EQ(ElementCount(Shape{}), 1u);
}

TEST(Shape, RefusesOverflowAndNegativeSizes) {
  EXPECT_FALSE(ElementCount(Shape{1LL << 40, 1LL << 40}).has_value());
  EXPECT_FALSE(ElementCount(Shape{-7}).has_value());
}

TEST(Shape, IsPrintedAsPeopleWriteIt) {
  EXPECT_EQ(FormatShape(Shape{kAnyDim, 3, 224, 224}), "[N,3,224,224]");
}

TEST(DType, NamesGoBothWays) {
  EXPECT_EQ(DTypeFromName(DTypeName(DType::kUint8)), DType::kUint8);
  EXPECT_FALSE(DTypeFromName("complex64").has_value());
}

TEST(Signature, AnItemIsTheShapeWithoutItsBatch) {
  EXPECT_EQ(ItemShape(TensorSpec{"x", DType::kFloat32, {kAnyDim, 3, 4, 5}}), (Shape{3, 4, 5}));
}

}  // namespace
}  // namespace holdfast
