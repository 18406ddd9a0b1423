// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>

#include "base/digits.h"
#include "gateway/coroutine.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;

constexpr auto kContinueTime = std::chrono::seconds(30);
constexpr std::size_t kChunkedPart = KiB(64);

Error ReadError(error_code error) {
  if (error == beast::error::timeout) {
    return {Reason::kRequestTimeout, "the body came too slowly"};
  }
  const bool malformed = error.category() == make_error_code(http::error::bad_chunk).category() &&
                         error != http::error::partial_message &&
                         error != http::error::end_of_stream;
  if (malformed) return {Reason::kBadRequest, "malformed body: " + error.message()};
  return {Reason::kClientClosed, "the client went away in the middle of its request"};
}

Body Copied(const std::vector<std::uint8_t>& bytes) {
  Body body{std::make_unique_for_overwrite<std::uint8_t[]>(bytes.size()), bytes.size()};
  std::copy(bytes.begin(), bytes.end(), body.bytes.get());
  return body;
}

}  // namespace

std::string_view HeaderField(const HttpParser& parser, http::field name) {
  const auto text = parser.get()[name];
  return {text.data(), text.size()};
}

std::string_view HeaderField(const HttpParser& parser, const char* name) {
  const auto text = parser.get()[name];
  return {text.data(), text.size()};
}

Result<std::size_t> BodyReader::Length(const HttpParser& parser) const {
  const std::string_view expect = HeaderField(parser, http::field::expect);
  if (!expect.empty() && !beast::iequals(expect, "100-continue")) {
    return Error{Reason::kExpectationFailed, "only Expect: 100-continue is understood"};
  }
  const std::size_t most = options_.body_bytes_max;
  if (parser.chunked()) return most;
  const auto length = parser.content_length();
  if (!length.has_value()) {
    return Error{Reason::kLengthRequired, "Content-Length or chunks are needed"};
  }
  if (*length > most) {
    return Error{Reason::kPayloadTooLarge,
                 fmt::format("the body has {} bytes; at most {} are allowed", *length, most)};
  }
  return static_cast<std::size_t>(*length);
}

asio::awaitable<Result<Body>> BodyReader::Read(HttpParser& parser, std::size_t length) {
  if (beast::iequals(HeaderField(parser, http::field::expect), "100-continue")) {
    stream_.tcp().expires_after(kContinueTime);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [error, bytes] = co_await asio::async_write(stream_, asio::buffer(kContinue), kUse);
    if (error) co_return Error{Reason::kClientClosed, "the client is gone"};
  }
  if (parser.chunked()) co_return co_await ReadChunks(parser, length);
  Body body{std::make_unique_for_overwrite<std::uint8_t[]>(length), length};
  // What came with the header first; the rest straight into its place.
  const std::size_t leftover = std::min(buffer_.size(), length);
  asio::buffer_copy(asio::buffer(body.bytes.get(), leftover), buffer_.data());
  buffer_.consume(leftover);
  const TimePoint start = Now();
  for (std::size_t done = leftover; done < length;) {
    ExpectProgress(start, done);
    const auto [error, bytes] = co_await stream_.async_read_some(
        asio::buffer(body.bytes.get() + done, length - done), kUse);
    if (error) co_return ReadError(error);
    done += bytes;
  }
  co_return body;
}

asio::awaitable<Result<Body>> BodyReader::ReadChunks(HttpParser& parser, std::size_t most) {
  std::vector<std::uint8_t> collected;
  const TimePoint start = Now();
  while (!parser.is_done()) {
    const std::size_t before = collected.size();
    collected.resize(before + kChunkedPart);
    parser.get().body().data = collected.data() + before;
    parser.get().body().size = kChunkedPart;
    ExpectProgress(start, before);
    const auto [error, bytes] = co_await http::async_read(stream_, buffer_, parser, kUse);
    collected.resize(before + kChunkedPart - parser.get().body().size);
    if (error && error != http::error::need_buffer) co_return ReadError(error);
    if (collected.size() > most) {
      co_return Error{Reason::kPayloadTooLarge,
                      fmt::format("the body has more than {} bytes", most)};
    }
  }
  co_return Copied(collected);
}

// A body must come at a minimum rate, after the grace that a header gets.
void BodyReader::ExpectProgress(TimePoint start, std::size_t done) {
  const auto earned = std::chrono::seconds((done + 1) / options_.body_bytes_per_second_min);
  stream_.tcp().expires_at(start + Duration(options_.header_timeout) + earned);
}

asio::awaitable<Result<Body>> BodyReader::Inflate(Body body, ContentCoding coding) {
  Inflater inflater(coding, body.view(), options_.body_bytes_max);
  for (;;) {
    const Result<bool> done = inflater.Step();
    if (!done) co_return Error(done.error());
    if (*done) co_return Copied(inflater.Take());
    co_await asio::post(stream_.get_executor(), asio::use_awaitable);
  }
}

Result<std::optional<std::size_t>> JsonBytes(const HttpParser& parser) {
  const std::string_view text = HeaderField(parser, "inference-header-content-length");
  if (text.empty()) return std::optional<std::size_t>();
  const auto bytes = ParseDigits<std::size_t>(text);
  if (!bytes) {
    return Error{Reason::kBadRequest, "Inference-Header-Content-Length is no number"};
  }
  return bytes;
}

}  // namespace holdfast
