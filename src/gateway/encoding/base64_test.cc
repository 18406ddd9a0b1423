// SPDX-License-Identifier: Apache-2.0
#include "gateway/encoding/base64.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <random>
#include <string>

namespace holdfast {
namespace {

std::string Decoded(std::string_view text) {
  const auto bytes = DecodeBase64(text);
  return bytes ? std::string(bytes->begin(), bytes->end()) : "refused: " + bytes.error().message;
}

TEST(Base64, DecodesTheVectorsOfRfc4648WithAndWithoutPadding) {
  EXPECT_EQ(Decoded(""), "");
  EXPECT_EQ(Decoded("Zg=="), "f");
  EXPECT_EQ(Decoded("Zg"), "f");
  EXPECT_EQ(Decoded("Zm8="), "fo");
  EXPECT_EQ(Decoded("Zm8"), "fo");
  EXPECT_EQ(Decoded("Zm9v"), "foo");
  EXPECT_EQ(Decoded("Zm9vYg=="), "foob");
  EXPECT_EQ(Decoded("Zm9vYmE"), "fooba");
  EXPECT_EQ(Decoded("Zm9vYmFy"), "foobar");
  EXPECT_EQ(Decoded("//+/"), "\xff\xff\xbf");
}

TEST(Base64, RefusesWhatIsNotBase64AndSaysWhere) {
  for (const std::string text :
       {"Z", "Zm9vY", "Zm=v", "Z===", "====", "=", "Zg=", "Zm8==", "Zm9v=", "Zm 9v", "Zm9*",
        "Zh==", "Zm9", "Zm9vYmF", "Zm9v\xff\xff\xff\xff"}) {
    if (text == "Zm9" || text == "Zm9vYmF") {
      EXPECT_NE(Decoded(text).find("stray bits"), std::string::npos) << text;
      continue;
    }
    EXPECT_TRUE(Decoded(text).starts_with("refused")) << text;
  }
  EXPECT_EQ(Decoded("Zm9v\nZm9v"),
            "refused: byte 0x0a at position 4 is no base64 digit: encode without line breaks");
  EXPECT_EQ(Decoded("Zm-_"),
            "refused: byte 0x2d at position 2 is no base64 digit: use the standard alphabet, not "
            "the URL-safe one");
}

TEST(Base64, RestoresWhatOpenSslEncoded) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    std::string text(size / 3 * 4 + 5, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(size));
    text.resize(static_cast<std::size_t>(length));
    EXPECT_EQ(Decoded(text), bytes);
    while (text.ends_with('=')) text.pop_back();
    EXPECT_EQ(Decoded(text), bytes);
  }
}

TEST(Base64, RefusesEveryByteOutsideTheAlphabetAtEveryPlace) {
  for (std::size_t place = 0; place < 8; ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = "AAAAAAAA";
      text[place] = static_cast<char>(byte);
      const bool digit = std::isalnum(byte) != 0 || byte == '+' || byte == '/';
      const bool padding = byte == '=' && place == 7;
      EXPECT_EQ(DecodeBase64(text).has_value(), digit || padding) << place << ' ' << byte;
    }
  }
}

}  // namespace
}  // namespace holdfast
