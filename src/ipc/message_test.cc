// SPDX-License-Identifier: Apache-2.0
#include "ipc/message.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace holdfast {
namespace {

Message RandomMessage(std::mt19937_64& random) {
  const auto word = [&random] { return static_cast<std::uint32_t>(random()); };
  const auto kinds = static_cast<std::uint32_t>(kLastMessageKind);
  return {.kind = static_cast<MessageKind>(1 + word() % kinds),
          .slot = {word()},
          .generation = {word()},
          .servable = {word()},
          .code = word(),
          .item = {random()},
          .value = random()};
}

TEST(Message, ComesBackAsItWas) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const Message message = RandomMessage(random);
    const auto decoded = Decode(Encode(message));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, message);
  }
}

TEST(Message, EveryMutationIsRefusedOrMeansWhatItsBytesSay) {
  std::mt19937_64 random(2);
  const Message message = RandomMessage(random);
  const EncodedMessage good = Encode(message);
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      EncodedMessage bytes = good;
      bytes.at(at) = static_cast<std::uint8_t>(value);
      const auto decoded = Decode(bytes);
      if (!decoded) {
        EXPECT_EQ(decoded.error().reason, Reason::kBadRequest);
        EXPECT_LT(at, 8u) << "only the magic and the kind can be wrong";
        ++refused;
      } else {
        EXPECT_EQ(Encode(*decoded), bytes);
      }
    }
  }
  EXPECT_GE(refused, 4 * 255);  // Any other magic.
}

TEST(Message, IsRefusedInEveryOtherSize) {
  const EncodedMessage good = Encode(Message{});
  std::vector<std::uint8_t> bytes(good.begin(), good.end());
  bytes.resize(200);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(Decode(ByteView(bytes.data(), size)).has_value(), size == kMessageBytes) << size;
  }
}

TEST(Message, IsRefusedWithAKindThatThereIsNot) {
  EncodedMessage bytes = Encode(Message{});
  bytes[4] = 0;
  EXPECT_FALSE(Decode(bytes));
  bytes[4] = static_cast<std::uint8_t>(kLastMessageKind) + 1;
  EXPECT_FALSE(Decode(bytes));
  bytes[4] = static_cast<std::uint8_t>(kLastMessageKind);
  EXPECT_TRUE(Decode(bytes));
  bytes[7] = 0x80;
  EXPECT_FALSE(Decode(bytes));
}

TEST(BuildDigest, DiffersBetweenBuilds) {
  EXPECT_NE(BuildDigest("0.1.0+abc"), BuildDigest("0.1.0+abd"));
  EXPECT_EQ(BuildDigest("0.1.0+abc"), BuildDigest("0.1.0+abc"));
  EXPECT_NE(BuildDigest(""), 0u);
}

}  // namespace
}  // namespace holdfast
