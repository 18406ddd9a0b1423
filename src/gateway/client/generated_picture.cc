// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/generated_picture.h"

#include <cstddef>
#include <random>
#include <string_view>

namespace holdfast {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t kSide = 64;

void AppendNumber(Bytes& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(number >> shift));
  }
}

std::uint32_t Crc32(const std::uint8_t* bytes, std::size_t size) {
  std::uint32_t crc = 0xFFFF'FFFF;
  for (std::size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB8'8320 : 0);
  }
  return ~crc;
}

std::uint32_t Adler32(const Bytes& bytes) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const std::uint8_t byte : bytes) {
    a = (a + byte) % 65'521;
    b = (b + a) % 65'521;
  }
  return b << 16 | a;
}

// chunk := length:u32 type content crc:u32, the checksum over type and content.
void AppendChunk(Bytes& png, std::string_view type, const Bytes& content) {
  AppendNumber(png, static_cast<std::uint32_t>(content.size()));
  const std::size_t begin = png.size();
  png.insert(png.end(), type.begin(), type.end());
  png.insert(png.end(), content.begin(), content.end());
  AppendNumber(png, Crc32(png.data() + begin, png.size() - begin));
}

// A zlib stream of one stored block.
Bytes Stored(const Bytes& bytes) {
  const auto size = static_cast<std::uint16_t>(bytes.size());
  const auto low = static_cast<std::uint8_t>(size & 0xFF);
  const auto high = static_cast<std::uint8_t>(size >> 8);
  Bytes stream{
      0x78, 0x01, 1, low, high, static_cast<std::uint8_t>(~low), static_cast<std::uint8_t>(~high)};
  stream.insert(stream.end(), bytes.begin(), bytes.end());
  AppendNumber(stream, Adler32(bytes));
  return stream;
}

}  // namespace

Bytes GeneratedPicture(std::uint32_t seed) {
  std::minstd_rand random(seed + 1);
  const auto shade = [&random] { return static_cast<std::uint32_t>(random() % 256); };
  const std::uint32_t corners[4][3] = {{shade(), shade(), shade()},
                                       {shade(), shade(), shade()},
                                       {shade(), shade(), shade()},
                                       {shade(), shade(), shade()}};
  Bytes rows;
  for (std::uint32_t y = 0; y < kSide; ++y) {
    rows.push_back(0);  // The row is not filtered.
    for (std::uint32_t x = 0; x < kSide; ++x) {
      for (std::uint32_t channel = 0; channel < 3; ++channel) {
        const std::uint32_t top = corners[0][channel] * (kSide - 1 - x) + corners[1][channel] * x;
        const std::uint32_t bottom =
            corners[2][channel] * (kSide - 1 - x) + corners[3][channel] * x;
        const std::uint32_t sum = top * (kSide - 1 - y) + bottom * y;
        rows.push_back(static_cast<std::uint8_t>(sum / ((kSide - 1) * (kSide - 1))));
      }
    }
  }
  Bytes png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  Bytes header;
  AppendNumber(header, kSide);
  AppendNumber(header, kSide);
  header.insert(header.end(), {8, 2, 0, 0, 0});  // Eight bits a channel, RGB, not interlaced.
  AppendChunk(png, "IHDR", header);
  AppendChunk(png, "IDAT", Stored(rows));
  AppendChunk(png, "IEND", {});
  return png;
}

}  // namespace holdfast
