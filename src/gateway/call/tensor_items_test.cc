// SPDX-License-Identifier: Apache-2.0
#include "gateway/call/tensor_items.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace holdfast {
namespace {

const TensorSpec kInput{"x", DType::kFloat32, {kAnyDim, 2, 3}};
constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";

ByteView Bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string Counted(std::initializer_list<std::int64_t> shape, const TensorSpec& input = kInput) {
  const Shape dimensions = shape;
  const auto count = CountTensorItems("x", dimensions, input, 4);
  return count ? std::to_string(*count)
               : std::string(Describe(count.error().reason).word) + ": " + count.error().message;
}

TEST(CountTensorItems, TakesBatchesOfTheItemsShapeOnly) {
  EXPECT_EQ(Counted({1, 2, 3}), "1");
  EXPECT_EQ(Counted({4, 2, 3}), "4");
  EXPECT_EQ(Counted({5, 2, 3}), "PAYLOAD_TOO_LARGE: x: a batch of 5; at most 4 in one request");
  EXPECT_EQ(Counted({0, 2, 3}), "BAD_REQUEST: x holds no item");
  EXPECT_EQ(Counted({-1, 2, 3}), "BAD_REQUEST: x holds no item");
  EXPECT_EQ(Counted({2, 3}), "BAD_REQUEST: x has the shape [2,3]; expected [N,2,3]");
  EXPECT_EQ(Counted({1, 3, 2}), "BAD_REQUEST: x has the shape [1,3,2]; expected [N,2,3]");
  EXPECT_EQ(Counted({}), "BAD_REQUEST: x has the shape []; expected [N,2,3]");
  EXPECT_TRUE(Counted({1, 2, 3}, {"x", DType::kFloat32, {kAnyDim, 2, kAnyDim}})
                  .starts_with("NOT_IMPLEMENTED"));
}

TEST(CountImageItems, TakesAListOrAColumn) {
  EXPECT_EQ(CountImageItems("image", Shape{3}, 4).value_or(0), 3U);
  EXPECT_EQ(CountImageItems("image", Shape{3, 1}, 4).value_or(0), 3U);
  EXPECT_FALSE(CountImageItems("image", Shape{3, 2}, 4));
  EXPECT_FALSE(CountImageItems("image", Shape{}, 4));
  EXPECT_FALSE(CountImageItems("image", Shape{5}, 4));
}

TEST(SplitTensor, GivesEachItemItsBytes) {
  std::string elements(2 * 6 * sizeof(float), '\0');
  const float seven = 7;
  std::memcpy(elements.data() + 6 * sizeof(float), &seven, sizeof seven);
  const auto items = SplitTensor("x", Bytes(elements), DType::kFloat32, 2, kInput);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 2U);
  EXPECT_EQ((*items)[1].bytes.view().data(), Bytes(elements).data() + 24) << "borrowed";
  EXPECT_EQ((*items)[1].bytes.view().size(), 24U);
  EXPECT_FALSE(SplitTensor("x", Bytes(elements), DType::kFloat32, 3, kInput));
  EXPECT_FALSE(SplitTensor("x", Bytes(elements).first(47), DType::kFloat32, 2, kInput));
}

TEST(SplitTensor, WidensBytes) {
  const auto items = SplitTensor("x", Bytes("\x01\x02\x03\x04\x05\xff"), DType::kUint8, 1, kInput);
  ASSERT_TRUE(items);
  float last = 0;
  std::memcpy(&last, (*items)[0].bytes.view().data() + 20, sizeof last);
  EXPECT_EQ(last, 255.0F);
}

std::string Prefixed(std::string_view text) {
  return std::string{static_cast<char>(text.size()), 0, 0, 0} + std::string(text);
}

TEST(SplitImages, TakesStringsWithTheirLengthsInFront) {
  const std::string two = Prefixed(kPng) + Prefixed(kPng);
  const auto images = SplitImages("image", Bytes(two), 2);
  ASSERT_TRUE(images);
  EXPECT_EQ((*images)[1].kind, ItemKind::kEncodedImage);
  EXPECT_EQ((*images)[1].bytes.view().size(), kPng.size());
}

TEST(SplitImages, SaysWhichOneIsAtFault) {
  const std::string text = Prefixed(kPng) + Prefixed("hello");
  const auto second = SplitImages("image", Bytes(text), 2);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, Reason::kUnsupportedMedia);
  EXPECT_EQ(second.error().item, 1U);
  for (const std::string& broken :
       {std::string("\x01\x00\x00", 3), std::string("\xff\xff\xff\xffz", 5), std::string()}) {
    const auto cut = SplitImages("image", Bytes(broken), 1);
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().reason, Reason::kBadRequest);
    EXPECT_EQ(cut.error().item, 0U);
  }
  const std::string more = Prefixed(kPng) + "x";
  const auto rest = SplitImages("image", Bytes(more), 1);
  ASSERT_FALSE(rest);
  EXPECT_EQ(rest.error().item, std::nullopt);
}

}  // namespace
}  // namespace holdfast
