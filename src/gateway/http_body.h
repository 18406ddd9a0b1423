// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/http/content_coding.h"
#include "gateway/tls/tcp_or_tls_stream.h"
#include "ipc/gateway_options.h"

namespace holdfast {

using HttpParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
constexpr std::size_t kHttpHeaderBytesMax = KiB(16);
using HttpBuffer = boost::beast::flat_static_buffer<kHttpHeaderBytesMax>;

// A header's value; empty: it is not there.
std::string_view HeaderField(const HttpParser& parser, boost::beast::http::field name);
std::string_view HeaderField(const HttpParser& parser, const char* name);

// How many bytes of the body are JSON, where the client says so: Inference-Header-Content-Length.
Result<std::optional<std::size_t>> JsonBytes(const HttpParser& parser);

// A body, in memory that is not written before the client's bytes are.
struct Body {
  std::unique_ptr<std::uint8_t[]> bytes;
  std::size_t size = 0;
  ByteView view() const { return {bytes.get(), size}; }
};

// Reads the body of the request whose header `parser` has.
class BodyReader {
 public:
  BodyReader(TcpOrTlsStream& stream, HttpBuffer& buffer, const GatewayOptions& options)
      : stream_(stream), buffer_(buffer), options_(options) {}

  // Bytes on the wire; for a chunked one, whose length nobody knows, the largest allowed.
  // kExpectationFailed, kLengthRequired, kPayloadTooLarge.
  Result<std::size_t> Length(const HttpParser& parser) const;

  // `length` bytes, or chunks of so many at most. kClientClosed: nobody is there any more.
  boost::asio::awaitable<Result<Body>> Read(HttpParser& parser, std::size_t length);

  // The body without its coding. The loop turns in between.
  boost::asio::awaitable<Result<Body>> Inflate(Body body, ContentCoding coding);

 private:
  boost::asio::awaitable<Result<Body>> ReadChunks(HttpParser& parser, std::size_t most);
  void ExpectProgress(TimePoint start, std::size_t done);

  TcpOrTlsStream& stream_;
  HttpBuffer& buffer_;
  const GatewayOptions& options_;
};

}  // namespace holdfast
