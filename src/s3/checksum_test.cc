// SPDX-License-Identifier: Apache-2.0
#include "s3/checksum.h"

#include <gtest/gtest.h>

#include <string_view>

namespace holdfast {
namespace {

std::string Of(const std::string& algorithm, std::string_view text) {
  const auto sum = MakeChecksum(algorithm);
  // In two pieces, as it comes.
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  sum->Add({bytes, text.size() / 2});
  sum->Add({bytes + text.size() / 2, text.size() - text.size() / 2});
  return sum->Base64();
}

// The check values of the catalogue of CRCs, for "123456789": cbf43926, e3069283, ae8b14860a799888.
TEST(ChecksumTest, HasTheKnownValues) {
  EXPECT_EQ(Of("crc32", "123456789"), "y/Q5Jg==");
  EXPECT_EQ(Of("crc32c", "123456789"), "4waSgw==");
  EXPECT_EQ(Of("crc64nvme", "123456789"), "rosUhgp5mIg=");
  EXPECT_EQ(Of("sha1", "abc"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
  EXPECT_EQ(Of("sha256", "abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  EXPECT_EQ(Of("crc32", ""), "AAAAAA==");
  EXPECT_EQ(MakeChecksum("md5"), nullptr);
}

TEST(ChecksumTest, IsFoundInAnAnswersHeaders) {
  EXPECT_FALSE(ChecksumIn({{"etag", "\"x\""}}));
  const auto both = ChecksumIn({{"x-amz-checksum-sha256", "a="}, {"x-amz-checksum-crc32", "b="}});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->algorithm + both->base64, "crc32b=") << "the quicker one";
  EXPECT_TRUE(
      ChecksumIn({{"x-amz-checksum-crc64nvme", "c="}, {"x-amz-checksum-type", "FULL_OBJECT"}}));
}

TEST(ChecksumTest, OfPartsSumsIsNone) {
  EXPECT_FALSE(ChecksumIn({{"x-amz-checksum-crc32", "b="}, {"x-amz-checksum-type", "COMPOSITE"}}));
  EXPECT_FALSE(ChecksumIn({{"x-amz-checksum-sha256", "a=-3"}}));
}

}  // namespace
}  // namespace holdfast
