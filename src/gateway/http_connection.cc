// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <memory>
#include <optional>
#include <random>

#include "gateway/coroutine.h"
#include "gateway/endpoints.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;

constexpr std::size_t kHeaderBytesMax = KiB(16);
constexpr std::size_t kOrderBytesMax = KiB(1);
constexpr std::size_t kDrainBytesMax = MiB(128);
constexpr auto kDrainTime = std::chrono::seconds(2);
constexpr auto kOrderTime = std::chrono::minutes(6);  // A load may take five.
constexpr auto kWriteTime = std::chrono::seconds(30);
constexpr std::size_t kChunkedPart = KiB(64);
constexpr std::size_t kItemsMax = 64;  // In one request.
constexpr std::size_t kRequestIdMax = 128;

using Parser = http::request_parser<http::buffer_body>;

// A client's own id is echoed if it is short and printable; else we make one.
std::string RequestId(std::string_view given) {
  const bool usable =
      !given.empty() && given.size() <= kRequestIdMax &&
      std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (usable) return std::string(given);
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{:016x}", random());
}

// A body, in memory that is not written before the client's bytes are.
struct Body {
  std::unique_ptr<std::uint8_t[]> bytes;
  std::size_t size = 0;
  ByteView view() const { return {bytes.get(), size}; }
};

class Connection {
 public:
  Connection(asio::ip::tcp::socket socket, ServerState& state, Audience audience)
      : stream_(std::move(socket)), state_(state), audience_(audience) {}

  asio::awaitable<void> Run() {
    // Not `while (co_await …) {}`: GCC 12 compiles that to a trap.
    for (bool goes_on = true; goes_on;) {
      goes_on = co_await ServeOne();
    }
  }

 private:
  // What is known of the request that is being served.
  struct Exchange {
    std::string id;
    std::string endpoint = "unknown";
    TimePoint start;
    bool head = false;  // HEAD: the answer goes without its body.
    bool keep_alive = true;
    bool admitted = false;     // And its answer not yet written.
    bool body_unread = false;  // Bytes of the upload may still be on their way.
    unsigned version = 11;
    std::uint32_t attempts = 0;
  };

  std::string_view Field(const Parser& parser, http::field name) const {
    const auto text = parser.get()[name];
    return {text.data(), text.size()};
  }
  std::string_view Field(const Parser& parser, const char* name) const {
    const auto text = parser.get()[name];
    return {text.data(), text.size()};
  }

  // Serves one request. False: the connection has ended.
  asio::awaitable<bool> ServeOne() {
    const bool begun = co_await AwaitRequest();
    if (!begun) co_return false;
    Parser parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(boost::none);
    stream_.expires_after(state_.options.header_timeout);
    const auto [error, bytes] = co_await http::async_read_header(stream_, buffer_, parser, kUse);
    Exchange exchange;
    exchange.start = Now();
    if (error) co_return co_await RefuseHeader(exchange, error);
    exchange.id = RequestId(Field(parser, "x-request-id"));
    exchange.version = parser.get().version();
    exchange.keep_alive = parser.get().keep_alive();
    exchange.head = parser.get().method() == http::verb::head;
    exchange.body_unread = !parser.is_done();
    co_return co_await Route(parser, exchange);
  }

  // Waits for the first byte of a request: an idle connection costs nothing, and may stay idle.
  asio::awaitable<bool> AwaitRequest() {
    if (buffer_.size() > 0) co_return true;
    stream_.expires_after(state_.options.keep_alive);
    const auto [error, bytes] =
        co_await stream_.async_read_some(buffer_.prepare(kHeaderBytesMax / 4), kUse);
    buffer_.commit(bytes);
    co_return !error;
  }

  asio::awaitable<bool> RefuseHeader(Exchange& exchange, error_code error) {
    if (error == http::error::end_of_stream || error == asio::error::connection_reset) {
      co_return false;
    }
    exchange.id = RequestId({});
    exchange.body_unread = true;
    Reason reason = Reason::kBadRequest;
    std::string words = "malformed request: " + error.message();
    if (error == beast::error::timeout) {
      reason = Reason::kRequestTimeout;
      words = "the request's header did not come in time";
    } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      reason = Reason::kHeadersTooLarge;
      words = fmt::format("the request's header is longer than {} bytes", kHeaderBytesMax);
    } else if (error.category() != make_error_code(http::error::bad_method).category()) {
      co_return false;  // The connection broke; nobody is there to read an answer.
    }
    co_return co_await Refuse(exchange, reason, words);
  }

  asio::awaitable<bool> Route(Parser& parser, Exchange& exchange) {
    const auto method = parser.get().method_string();
    const auto target = parser.get().target();
    const auto route =
        ResolveRoute({method.data(), method.size()}, {target.data(), target.size()}, audience_);
    if (!route) {
      HttpAnswer answer = RenderError(route.error().error.reason, route.error().error.message,
                                      Duration::zero(), exchange.id);
      if (!route.error().allow.empty()) answer.headers.emplace_back("Allow", route.error().allow);
      state_.metrics.Refused(route.error().error.reason);
      co_return co_await Write(exchange, std::move(answer));
    }
    exchange.endpoint = EndpointName(route->endpoint);
    if (route->endpoint == Endpoint::kDrill) co_return co_await TakeOrder(parser, exchange);
    if (route->endpoint == Endpoint::kModelLoad || route->endpoint == Endpoint::kModelUnload) {
      co_return co_await OrderModel(exchange, *route);
    }
    if (!route->needs_body) {
      co_return co_await Write(exchange, AnswerAtOnce(state_, *route, exchange.id));
    }
    co_return co_await Infer(parser, exchange, *route);
  }

  // An operator's order, whose words are in a small body.
  asio::awaitable<bool> TakeOrder(Parser& parser, Exchange& exchange) {
    Result<std::size_t> length = BodyLength(parser);
    if (!length) co_return co_await Refuse(exchange, length.error());
    if (!parser.chunked() && *length > kOrderBytesMax) {
      const Error error{Reason::kPayloadTooLarge, "an order has at most 1024 bytes"};
      co_return co_await Refuse(exchange, error);
    }
    const Result<Body> body = co_await ReadBody(parser, std::min(*length, kOrderBytesMax));
    if (!body && body.error().reason == Reason::kClientClosed) co_return false;
    if (!body) co_return co_await Refuse(exchange, body.error());
    exchange.body_unread = false;
    HttpAnswer answer = AnswerDrill(state_, body->view(), exchange.id);
    co_return co_await Write(exchange, std::move(answer));
  }

  // Loads or unloads a model, and answers when that is done. Parameters that a body may have are
  // not looked at.
  asio::awaitable<bool> OrderModel(Exchange& exchange, const holdfast::Route& route) {
    const auto waiting = std::make_shared<ModelOrders::Waiting>(stream_.get_executor());
    const auto order =
        route.endpoint == Endpoint::kModelLoad ? ModelOrder::kLoad : ModelOrder::kUnload;
    const Status sent = state_.orders.Start(order, *route.model, waiting);
    if (!sent) co_return co_await Refuse(exchange, sent.error());
    waiting->timer.expires_after(kOrderTime);
    stream_.expires_never();
    while (!waiting->outcome.has_value() && Now() < waiting->timer.expiry()) {
      co_await waiting->timer.async_wait(kUse);
    }
    const Status late = Error{Reason::kDeadlineExceeded, "it is not done yet, and goes on"};
    const Status outcome = waiting->outcome.value_or(late);
    if (!outcome) co_return co_await Refuse(exchange, outcome.error());
    HttpAnswer answer;
    answer.body = "{}\n";
    co_return co_await Write(exchange, std::move(answer));
  }

  // --- Inference ---

  // The deadline that the client asks for, within what the server allows.
  Result<Duration> TimeLimit(const Parser& parser) const {
    const std::string_view text = Field(parser, "x-request-timeout-ms");
    if (text.empty()) return Duration(state_.options.deadline_default);
    std::int64_t milliseconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
    if (error != std::errc{} || end != text.data() + text.size() || milliseconds <= 0) {
      return Error{Reason::kBadRequest, "X-Request-Timeout-Ms is no positive number"};
    }
    return Duration(std::min(std::chrono::milliseconds(std::min<std::int64_t>(
                                 milliseconds, state_.options.deadline_max.count())),
                             state_.options.deadline_max));
  }

  asio::awaitable<bool> Infer(Parser& parser, Exchange& exchange, const holdfast::Route& route) {
    const Result<Duration> limit = TimeLimit(parser);
    if (!limit) co_return co_await Refuse(exchange, limit.error());
    const TimePoint deadline = exchange.start + *limit;
    const Result<ServableId> servable = state_.servables.Resolve(route.model, route.version);
    if (!servable) co_return co_await Refuse(exchange, servable.error());
    // Its version may be replaced while the body comes; this request is still the old one's.
    const ServableTable::Hold hold(state_.servables, *servable);
    const Result<std::size_t> length = BodyLength(parser);
    if (!length) co_return co_await Refuse(exchange, length.error());
    if (const Status accept = CheckAccept(route, Field(parser, http::field::accept)); !accept) {
      co_return co_await Refuse(exchange, accept.error());
    }
    const auto admission = state_.inference.Admit(*servable, *length, deadline);
    if (admission.reason != Reason::kOk) {
      co_return co_await Refuse(
          exchange, admission.reason, "the server cannot answer this in time now",
          state_.inference.RetryHint(admission.reason, admission.retry_after));
    }
    ++state_.unwritten;
    exchange.admitted = true;
    state_.inference.ReserveBytes(*length);
    Result<Body> body = co_await ReadBody(parser, *length);
    state_.inference.ReleaseBytes(*length);
    if (!body) {
      if (body.error().reason == Reason::kClientClosed) {
        state_.AnswerWritten();
        co_return false;
      }
      co_return co_await Refuse(exchange, body.error());
    }
    exchange.body_unread = false;
    co_return co_await Classify(parser, exchange, route, *servable, *body, deadline);
  }

  // Bytes of the body; for a chunked one, whose length nobody knows, the largest allowed.
  Result<std::size_t> BodyLength(const Parser& parser) const {
    const std::string_view expect = Field(parser, http::field::expect);
    if (!expect.empty() && !beast::iequals(expect, "100-continue")) {
      return Error{Reason::kExpectationFailed, "only Expect: 100-continue is understood"};
    }
    const std::size_t most = state_.options.body_bytes_max;
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

  asio::awaitable<Result<Body>> ReadBody(Parser& parser, std::size_t length) {
    if (beast::iequals(Field(parser, http::field::expect), "100-continue")) {
      stream_.expires_after(kWriteTime);
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto [error, bytes] =
          co_await asio::async_write(stream_, asio::buffer(kContinue), kUse);
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

  asio::awaitable<Result<Body>> ReadChunks(Parser& parser, std::size_t most) {
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
    Body body{std::make_unique_for_overwrite<std::uint8_t[]>(collected.size()), collected.size()};
    std::copy(collected.begin(), collected.end(), body.bytes.get());
    co_return body;
  }

  // A body must come at a minimum rate, after the grace that a header gets.
  void ExpectProgress(TimePoint start, std::size_t done) {
    const auto earned = std::chrono::seconds((done + 1) / state_.options.body_bytes_per_second_min);
    stream_.expires_at(start + Duration(state_.options.header_timeout) + earned);
  }

  static Error ReadError(error_code error) {
    if (error == beast::error::timeout) {
      return {Reason::kRequestTimeout, "the body came too slowly"};
    }
    const bool malformed = error.category() == make_error_code(http::error::bad_chunk).category() &&
                           error != http::error::partial_message &&
                           error != http::error::end_of_stream;
    if (malformed) return {Reason::kBadRequest, "malformed body: " + error.message()};
    return {Reason::kClientClosed, "the client went away in the middle of its request"};
  }

  asio::awaitable<bool> Classify(Parser& parser, Exchange& exchange, const holdfast::Route& route,
                                 ServableId servable, const Body& body, TimePoint deadline) {
    state_.metrics.RequestAccepted();
    const auto method = parser.get().method_string();
    const auto target = parser.get().target();
    const HttpRequest request{.method = {method.data(), method.size()},
                              .target = {target.data(), target.size()},
                              .content_type = Field(parser, http::field::content_type),
                              .accept = Field(parser, http::field::accept),
                              .body = body.view()};
    CallResult parsed = ParseCall(route, request, state_.servables.Get(servable), kItemsMax);
    if (!parsed) {
      state_.metrics.RequestAnswered();
      const CallError& error = parsed.error();
      co_return co_await Refuse(exchange, error.reason, error.message, Duration::zero(),
                                error.item);
    }
    const AnswerForm form = parsed->form;
    // A value with a name: GCC 12 destroys an aggregate temporary inside co_await twice.
    InferenceService::Call call{.servable = servable,
                                .items = std::move(parsed->items),
                                .deadline = deadline,
                                .request_id = exchange.id,
                                .done = {}};
    const auto outcomes = co_await AwaitOutcomes(std::move(call));
    if (!outcomes.has_value()) {
      state_.metrics.RequestAbandoned();
      state_.AnswerWritten();
      co_return false;
    }
    state_.metrics.RequestAnswered();
    for (const ItemOutcome& outcome : *outcomes) {
      exchange.attempts = std::max(exchange.attempts, outcome.attempts);
    }
    const auto failed = std::find_if(outcomes->begin(), outcomes->end(), [](const auto& outcome) {
      return outcome.reason != Reason::kOk;
    });
    if (failed == outcomes->end()) {
      co_return co_await Write(
          exchange, RenderCall(route, request, form, state_.servables.Get(servable), *outcomes));
    }
    std::optional<std::size_t> index;
    // A lone image is the request; an item of a list has a number, also where it is the only one.
    if (form != AnswerForm::kPredictions) {
      index = static_cast<std::size_t>(failed - outcomes->begin());
    }
    co_return co_await Write(exchange, RenderError(failed->reason, failed->detail,
                                                   failed->retry_after, exchange.id, index));
  }

  // Submits and waits. Nothing: the client went away, and the call was cancelled.
  asio::awaitable<std::optional<std::vector<ItemOutcome>>> AwaitOutcomes(
      InferenceService::Call call) {
    using asio::experimental::awaitable_operators::operator||;
    struct Shared {
      explicit Shared(const asio::any_io_executor& executor) : signal(executor, TimePoint::max()) {}
      asio::steady_timer signal;
      std::optional<std::vector<ItemOutcome>> outcomes;
    };
    auto shared = std::make_shared<Shared>(stream_.get_executor());
    call.done = [shared](std::vector<ItemOutcome> outcomes) {
      shared->outcomes = std::move(outcomes);
      shared->signal.cancel();
    };
    const CallId id = state_.inference.Submit(std::move(call));
    if (shared->outcomes.has_value()) co_return std::move(shared->outcomes);
    stream_.expires_never();
    co_await (shared->signal.async_wait(kUse) || AwaitDisconnect());
    if (shared->outcomes.has_value()) co_return std::move(shared->outcomes);
    state_.inference.Cancel(id);
    co_return std::nullopt;
  }

  // Ends when the client is gone. A client that sends its next request early is not.
  asio::awaitable<void> AwaitDisconnect() {
    auto& socket = stream_.socket();
    const auto [error] = co_await socket.async_wait(asio::socket_base::wait_read, kUse);
    if (error) co_return;
    char byte = 0;
    const ssize_t peeked = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (peeked <= 0) co_return;
    asio::steady_timer never(stream_.get_executor(), TimePoint::max());
    co_await never.async_wait(kUse);
  }

  // --- Answers ---

  asio::awaitable<bool> Refuse(Exchange& exchange, const Error& error) {
    return Refuse(exchange, error.reason, error.message);
  }

  asio::awaitable<bool> Refuse(Exchange& exchange, Reason reason, const std::string& words,
                               Duration retry_after = Duration::zero(),
                               std::optional<std::size_t> item = std::nullopt) {
    state_.metrics.Refused(reason);
    if (retry_after == Duration::zero()) {
      retry_after = state_.inference.RetryHint(reason, Duration::zero());
    }
    return Write(exchange, RenderError(reason, words, retry_after, exchange.id, item));
  }

  asio::awaitable<bool> Write(Exchange& exchange, HttpAnswer answer) {
    if (exchange.body_unread || state_.draining) exchange.keep_alive = false;
    http::response<http::string_body> response;
    response.version(exchange.version);
    response.result(static_cast<unsigned>(answer.status));
    response.set(http::field::content_type, answer.content_type);
    response.set("x-request-id", exchange.id);
    if (exchange.attempts > 0) {
      response.set("x-holdfast-attempts", std::to_string(exchange.attempts));
    }
    for (const auto& [name, value] : answer.headers) response.set(name, value);
    response.keep_alive(exchange.keep_alive);
    response.content_length(answer.body.size());
    if (!exchange.head) response.body() = std::move(answer.body);
    stream_.expires_after(kWriteTime);
    http::response_serializer<http::string_body> serializer(response);
    serializer.split(false);
    const auto [error, bytes] = co_await http::async_write(stream_, serializer, kUse);
    if (exchange.admitted) state_.AnswerWritten();
    state_.metrics.ResponseSent(exchange.endpoint, answer.status, Now() - exchange.start);
    if (error) co_return false;
    if (exchange.keep_alive) co_return true;
    co_await Linger();
    co_return false;
  }

  // Closing with unread bytes would send a reset, which destroys the answer on its way: our side is
  // closed first, and what the client still sends is read, within bounds.
  asio::awaitable<void> Linger() {
    error_code ignored;
    stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    stream_.expires_after(kDrainTime);
    std::array<std::uint8_t, KiB(16)> discarded{};
    for (std::size_t total = 0; total < kDrainBytesMax;) {
      const auto [error, bytes] = co_await stream_.async_read_some(asio::buffer(discarded), kUse);
      if (error) co_return;
      total += bytes;
    }
  }

  beast::tcp_stream stream_;
  beast::flat_static_buffer<kHeaderBytesMax> buffer_;
  ServerState& state_;
  Audience audience_;
};

}  // namespace

asio::awaitable<void> ServeConnection(asio::ip::tcp::socket socket, ServerState& state,
                                      Audience audience) {
  ++state.connections;
  const auto connection = std::make_unique<Connection>(std::move(socket), state, audience);
  co_await connection->Run();
  --state.connections;
}

}  // namespace holdfast
