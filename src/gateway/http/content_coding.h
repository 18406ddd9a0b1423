// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast {

enum class ContentCoding { kIdentity, kGzip, kDeflate };

// Of a Content-Encoding header; empty is kIdentity. kUnsupportedMedia for what we do not inflate.
Result<ContentCoding> ContentCodingFrom(std::string_view header);

// What an Accept-Encoding header asks for: gzip before deflate, kIdentity unless it names one.
ContentCoding AcceptedCoding(std::string_view header);

// The word for a Content-Encoding header; empty for kIdentity.
std::string_view ContentCodingName(ContentCoding coding);

// Inflates a body piece by piece, so that the loop can do other things in between. "deflate" is the
// zlib format, as RFC 9110 has it.
class Inflater {
 public:
  // `compressed` must outlive this. At most `bytes_max` come out.
  Inflater(ContentCoding coding, ByteView compressed, std::size_t bytes_max);
  ~Inflater();

  // One more piece, of at most 256 KiB. True: that was all. kBadRequest: the bytes are no such
  // format, or end early; kPayloadTooLarge: more would come out than allowed.
  Result<bool> Step();
  std::vector<std::uint8_t> Take() { return std::move(inflated_); }

 private:
  struct Stream;  // Keeps zlib's header out of ours.
  std::unique_ptr<Stream> stream_;
  std::size_t bytes_max_;
  std::vector<std::uint8_t> inflated_;
};

// `text` in a coding other than kIdentity, at zlib's fastest level.
std::string Compress(ContentCoding coding, std::string_view text);

}  // namespace holdfast
