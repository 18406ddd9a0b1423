// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/content_coding.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "gateway/encoding/json_writer.h"
#include "gateway/http/media_type.h"

namespace holdfast {
namespace {

constexpr std::size_t kPiece = KiB(256);
constexpr int kZlibWindow = 15;
constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

int WindowBits(ContentCoding coding) {
  return coding == ContentCoding::kGzip ? kGzipWindow : kZlibWindow;
}

}  // namespace

struct Inflater::Stream {
  z_stream zlib{};
};

Result<ContentCoding> ContentCodingFrom(std::string_view header) {
  const std::string coding = MediaType(header);
  if (coding.empty() || coding == "identity") return ContentCoding::kIdentity;
  if (coding == "gzip" || coding == "x-gzip") return ContentCoding::kGzip;
  if (coding == "deflate") return ContentCoding::kDeflate;
  return Error{
      Reason::kUnsupportedMedia,
      fmt::format("Content-Encoding: {}; gzip and deflate are understood", Excerpt(header))};
}

ContentCoding AcceptedCoding(std::string_view header) {
  if (header.empty()) return ContentCoding::kIdentity;
  constexpr std::array<std::string_view, 3> kCodings{"gzip", "deflate", "identity"};
  const std::string_view chosen = Negotiate(header, kCodings).value_or("identity");
  if (chosen == "gzip") return ContentCoding::kGzip;
  return chosen == "deflate" ? ContentCoding::kDeflate : ContentCoding::kIdentity;
}

std::string_view ContentCodingName(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::kGzip:
      return "gzip";
    case ContentCoding::kDeflate:
      return "deflate";
    case ContentCoding::kIdentity:
      break;
  }
  return {};
}

Inflater::Inflater(ContentCoding coding, ByteView compressed, std::size_t bytes_max)
    : stream_(std::make_unique<Stream>()), bytes_max_(bytes_max) {
  CHECK(::inflateInit2(&stream_->zlib, WindowBits(coding)) == Z_OK);
  stream_->zlib.next_in = const_cast<Bytef*>(compressed.data());  // It is not written.
  stream_->zlib.avail_in = static_cast<uInt>(compressed.size());
}

Inflater::~Inflater() { ::inflateEnd(&stream_->zlib); }

Result<bool> Inflater::Step() {
  z_stream& zlib = stream_->zlib;
  const std::size_t before = inflated_.size();
  // One byte more than allowed is enough to see that there is more.
  const std::size_t room = std::min(kPiece, bytes_max_ + 1 - before);
  inflated_.resize(before + room);
  zlib.next_out = inflated_.data() + before;
  zlib.avail_out = static_cast<uInt>(room);
  const int outcome = ::inflate(&zlib, Z_NO_FLUSH);
  inflated_.resize(before + room - zlib.avail_out);
  if (inflated_.size() > bytes_max_) {
    return Error{Reason::kPayloadTooLarge,
                 fmt::format("the body inflates to more than {} bytes", bytes_max_)};
  }
  if (outcome == Z_STREAM_END) {
    if (zlib.avail_in == 0) return true;
    return Error{Reason::kBadRequest, "bytes follow the compressed body"};
  }
  if (outcome == Z_OK && zlib.avail_out == 0) return false;
  // Everything has been read, and the end has not come; or the bytes are no such format.
  return Error{Reason::kBadRequest,
               fmt::format("malformed compressed body: {}",
                           zlib.msg != nullptr ? zlib.msg : "it ends too early")};
}

std::string Compress(ContentCoding coding, std::string_view text) {
  z_stream zlib{};
  CHECK(::deflateInit2(&zlib, Z_BEST_SPEED, Z_DEFLATED, WindowBits(coding), kMemoryLevel,
                       Z_DEFAULT_STRATEGY) == Z_OK);
  std::string compressed(::deflateBound(&zlib, text.size()), '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  zlib.avail_in = static_cast<uInt>(text.size());
  zlib.next_out = reinterpret_cast<Bytef*>(compressed.data());
  zlib.avail_out = static_cast<uInt>(compressed.size());
  CHECK(::deflate(&zlib, Z_FINISH) == Z_STREAM_END);
  compressed.resize(zlib.total_out);
  ::deflateEnd(&zlib);
  return compressed;
}

}  // namespace holdfast
