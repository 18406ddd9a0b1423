// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/http_client.h"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>
#include <string_view>
#include <utility>

namespace holdfast {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

using RequestBody = http::span_body<const std::uint8_t>;

std::string Cause(const error_code& error) {
  if (error == beast::error::timeout) return "no answer in time";
  if (error == http::error::end_of_stream || error == http::error::partial_message) {
    return "the connection was closed before the answer was complete";
  }
  if (error == http::error::body_limit) return "the answer is larger than expected";
  if (error.category() == make_error_code(http::error::bad_version).category()) {
    return fmt::format("the answer is no HTTP ({})", error.message());
  }
  return error.message();
}

// One exchange. Operations are asynchronous, and the loop is run until they are done: only so does
// Beast's stream keep a timeout.
class Exchange {
 public:
  explicit Exchange(const ClientRequest& request) : request_(request), stream_(loop_) {}

  Result<ClientAnswer> Run() {
    TRY_DO(Connect());
    MakeMessage();
    parser_.body_limit(request_.answer_bytes_max);
    parser_.header_limit(static_cast<std::uint32_t>(KiB(64)));
    beast::flat_buffer buffer(KiB(128));
    error_code sent;
    error_code received;
    stream_.expires_after(request_.answer_timeout);
    http::async_write(stream_, message_, [&sent](error_code error, std::size_t) { sent = error; });
    // Read from the start: a server that refuses early may stop taking the body, and its answer is
    // worth more than our broken pipe.
    http::async_read(stream_, buffer, parser_, [&](error_code error, std::size_t) {
      received = error;
      stream_.cancel();
    });
    RunLoop();
    if (received) {
      const bool send_failed = sent && sent != asio::error::operation_aborted;
      return send_failed ? Failure("send the request", sent) : Failure("read the answer", received);
    }
    http::response<http::string_body> answer = parser_.release();
    return ClientAnswer{.status = static_cast<int>(answer.result_int()),
                        .body = std::move(answer.body()),
                        .request_id = std::string(answer["x-request-id"])};
  }

 private:
  void RunLoop() {
    loop_.restart();
    loop_.run();
  }

  Error Failure(std::string_view step, const error_code& error) const {
    return Error{Reason::kUnavailable,
                 fmt::format("{}: {}: {}", FormatAuthority(request_.url), step, Cause(error))};
  }

  Status Connect() {
    asio::ip::tcp::resolver resolver(loop_);
    error_code error;
    const auto addresses =
        resolver.resolve(request_.url.host, std::to_string(request_.url.port), error);
    if (error) return Failure("look up the host", error);
    stream_.expires_after(request_.connect_timeout);
    stream_.async_connect(addresses, [&error](error_code result, const auto&) { error = result; });
    RunLoop();
    if (error) return Failure("connect", error);
    return {};
  }

  void MakeMessage() {
    message_.version(11);
    message_.method_string(request_.method);
    message_.target(request_.url.target);
    message_.set(http::field::host, FormatAuthority(request_.url));
    message_.set(http::field::user_agent, "holdfast");
    message_.set(http::field::accept, "application/json");
    message_.set(http::field::connection, "close");
    message_.body() = beast::span<const std::uint8_t>(request_.body.data(), request_.body.size());
    if (!request_.content_type.empty()) {
      message_.set(http::field::content_type, request_.content_type);
    }
    for (const auto& [name, value] : request_.headers) message_.set(name, value);
    if (!request_.body.empty() || request_.method == "POST") {
      message_.content_length(request_.body.size());
    }
  }

  const ClientRequest& request_;
  asio::io_context loop_{1};
  beast::tcp_stream stream_;
  http::request<RequestBody> message_;
  http::response_parser<http::string_body> parser_;
};

}  // namespace

Result<ClientAnswer> SendHttpRequest(const ClientRequest& request) {
  auto outcome = Guard([&] { return Exchange(request).Run(); });
  if (!outcome) return std::move(outcome).error();
  return *std::move(outcome);
}

}  // namespace holdfast
