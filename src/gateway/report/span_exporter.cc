// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/span_exporter.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <iterator>
#include <utility>

#include "base/build_id.h"
#include "gateway/coroutine.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto kBatchTime = std::chrono::seconds(1);
constexpr auto kPostTime = std::chrono::seconds(5);
constexpr int kBackoffMax = 5;  // 2^5 s.
constexpr std::size_t kAnswerBytesMax = 65'536;

// What a collector may take another time; all else it refuses for good.
bool MayRetryStatus(unsigned status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

SpanExporter::SpanExporter(asio::io_context& loop, HttpUrl collector, std::string service,
                           Events events)
    : loop_(loop),
      collector_(std::move(collector)),
      service_(std::move(service)),
      events_(std::move(events)),
      wake_(loop) {
  if (collector_.target.ends_with('/')) collector_.target.pop_back();
  collector_.target += "/v1/traces";
}

void SpanExporter::Take(std::vector<Span> spans) {
  pending_.insert(pending_.end(), std::make_move_iterator(spans.begin()),
                  std::make_move_iterator(spans.end()));
  if (pending_.size() > kPendingMax) Drop(pending_.size() - kPendingMax);
  if (pending_.size() >= kBatchMax && failures_ == 0) wake_.cancel();
}

// The oldest ones that are not on their way just now.
void SpanExporter::Drop(std::size_t spans) {
  const auto begin = pending_.begin() + static_cast<std::ptrdiff_t>(sending_);
  pending_.erase(begin, begin + static_cast<std::ptrdiff_t>(spans));
  events_.dropped(spans);
}

asio::awaitable<void> SpanExporter::Run() {
  while (!finishing_) {
    const int backoff = 1 << std::min(failures_, kBackoffMax);
    wake_.expires_after(kBatchTime * backoff);
    if (failures_ > 0 || pending_.size() < kBatchMax) co_await wake_.async_wait(kUse);
    if (!pending_.empty()) co_await SendBatch();
  }
}

asio::awaitable<void> SpanExporter::Finish(TimePoint until) {
  finishing_ = true;
  wake_.cancel();
  asio::steady_timer pause(loop_);
  // What is on its way is answered, or given up, before the rest goes.
  while (sending_ > 0 && Now() < until) {
    pause.expires_after(std::chrono::milliseconds(10));
    co_await pause.async_wait(kUse);
  }
  while (sending_ == 0 && !pending_.empty() && failures_ == 0 && Now() < until) {
    co_await SendBatch();
  }
}

asio::awaitable<void> SpanExporter::SendBatch() {
  sending_ = std::min(pending_.size(), kBatchMax);
  const std::vector<Span> batch(pending_.begin(),
                                pending_.begin() + static_cast<std::ptrdiff_t>(sending_));
  const std::string body = EncodeSpans(service_, Version(), batch);
  const Result<unsigned> status = co_await Post(body);
  const std::size_t sent = std::exchange(sending_, 0);
  const bool taken = status && *status / 100 == 2;
  failures_ = taken ? 0 : failures_ + 1;
  if (!taken) {
    events_.failed(status ? "the collector answers " + std::to_string(*status)
                          : status.error().message);
  }
  if (!taken && (!status || MayRetryStatus(*status))) co_return;
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(sent));
  taken ? events_.exported(sent) : events_.dropped(sent);
}

// The answer's status.
asio::awaitable<Result<unsigned>> SpanExporter::Post(const std::string& body) {
  asio::ip::tcp::resolver resolver(loop_);
  const auto [unknown, places] =
      co_await resolver.async_resolve(collector_.host, std::to_string(collector_.port), kUse);
  if (unknown) co_return Error{Reason::kUnavailable, collector_.host + ": " + unknown.message()};
  beast::tcp_stream stream(loop_);
  stream.expires_after(kPostTime);
  const auto [refused, place] = co_await stream.async_connect(places, kUse);
  if (refused) co_return Error{Reason::kUnavailable, "connect: " + refused.message()};
  http::request<http::string_body> request(http::verb::post, collector_.target, 11, body);
  request.set(http::field::host, FormatAuthority(collector_));
  request.set(http::field::content_type, "application/json");
  request.set(http::field::user_agent, "holdfast");
  request.keep_alive(false);
  request.prepare_payload();
  const auto [unsent, written] = co_await http::async_write(stream, request, kUse);
  if (unsent) co_return Error{Reason::kUnavailable, "send: " + unsent.message()};
  beast::flat_buffer buffer(kAnswerBytesMax);
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  const auto [unread, read] = co_await http::async_read(stream, buffer, parser, kUse);
  if (unread) co_return Error{Reason::kUnavailable, "answer: " + unread.message()};
  co_return parser.get().result_int();
}

}  // namespace holdfast
