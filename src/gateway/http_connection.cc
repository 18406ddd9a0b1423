// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <tuple>

#include "base/digits.h"
#include "gateway/coroutine.h"
#include "gateway/disconnect.h"
#include "gateway/endpoints.h"
#include "gateway/http/api_documents.h"
#include "gateway/http/console_documents.h"
#include "gateway/http/routes.h"
#include "gateway/http_body.h"
#include "gateway/idempotent_answers.h"
#include "gateway/idempotent_turn.h"
#include "gateway/let_in.h"
#include "gateway/linger.h"
#include "gateway/orders.h"
#include "gateway/request_id.h"
#include "gateway/tls_handshake.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;

constexpr std::size_t kOrderBytesMax = KiB(4);
constexpr auto kWriteTime = std::chrono::seconds(30);

class Connection {
 public:
  Connection(asio::ip::tcp::socket socket, ServerState& state, Audience audience)
      : stream_(std::move(socket),
                audience == Audience::kAdmin ? nullptr : state.tls.NewSession(TlsPort::kHttp)),
        state_(state),
        audience_(audience),
        bodies_(stream_, buffer_, state.options) {}

  asio::awaitable<void> Run() {
    if (stream_.tls() != nullptr) {
      const bool begun = co_await BeginTls();
      if (!begun) co_return;
    }
    // Not `while (co_await …) {}`: GCC 12 compiles that to a trap.
    for (bool goes_on = true; goes_on;) {
      goes_on = co_await ServeOne();
    }
  }

 private:
  // What is known of the request that is being served.
  struct Exchange {
    RequestRecord record;
    bool head = false;  // HEAD: the answer goes without its body.
    bool keep_alive = true;
    bool admitted = false;     // And its answer not yet written.
    bool body_unread = false;  // Bytes of the upload may still be on their way.
    unsigned version = 11;
    const holdfast::Route* route = nullptr;  // Once it is known.
    ContentCoding answer_coding = ContentCoding::kIdentity;
    std::optional<IdempotentAnswers::Lease> lease;  // While it runs under an Idempotency-Key.
  };

  asio::awaitable<bool> BeginTls() {
    const Handshake outcome = co_await ShakeHands(stream_, state_, TlsPort::kHttp);
    if (outcome == Handshake::kPlain) {
      stream_.DropTls();
      Exchange exchange;
      exchange.record.Begin(Now());
      exchange.record.id = MakeRequestId({});
      exchange.body_unread = true;
      co_await Refuse(exchange, Reason::kBadRequest, "this port speaks TLS only; use https://");
    }
    co_return outcome == Handshake::kDone;
  }

  // Serves one request. False: the connection has ended.
  asio::awaitable<bool> ServeOne() {
    const bool begun = co_await AwaitRequest();
    if (!begun) co_return false;
    HttpParser parser;
    parser.header_limit(kHttpHeaderBytesMax);
    parser.body_limit(boost::none);
    stream_.tcp().expires_after(state_.options.header_timeout);
    const auto [error, bytes] = co_await ReadHeader(parser);
    Exchange exchange;
    exchange.record.Begin(Now());
    if (error) co_return co_await RefuseHeader(exchange, error);
    exchange.record.id = MakeRequestId(HeaderField(parser, "x-request-id"));
    exchange.record.method = std::string(parser.get().method_string());
    exchange.record.trace =
        ReadTrace(HeaderField(parser, "traceparent"), HeaderField(parser, "x-amzn-trace-id"));
    exchange.version = parser.get().version();
    exchange.keep_alive = parser.get().keep_alive();
    exchange.head = parser.get().method() == http::verb::head;
    exchange.body_unread = !parser.is_done();
    co_return co_await Route(parser, exchange);
  }

  asio::awaitable<std::tuple<error_code, std::size_t>> ReadHeader(HttpParser& parser) {
    const SlowHeaders::Entry waiting(state_.slow_headers, Now(), [this] { stream_.tcp().close(); });
    co_return co_await http::async_read_header(stream_, buffer_, parser, kUse);
  }

  // Waits for the first byte of a request: an idle connection costs nothing, and may stay idle.
  asio::awaitable<bool> AwaitRequest() {
    if (buffer_.size() > 0) {
      co_await state_.pipeline_turns.Turn();
      co_return true;
    }
    stream_.tcp().expires_after(state_.options.keep_alive);
    const auto [error, bytes] =
        co_await stream_.async_read_some(buffer_.prepare(kHttpHeaderBytesMax / 4), kUse);
    buffer_.commit(bytes);
    co_return !error;
  }

  asio::awaitable<bool> RefuseHeader(Exchange& exchange, error_code error) {
    if (error == http::error::end_of_stream || error == asio::error::connection_reset) {
      co_return false;
    }
    exchange.record.id = MakeRequestId({});
    exchange.body_unread = true;
    Reason reason = Reason::kBadRequest;
    std::string words = "malformed request: " + error.message();
    if (error == beast::error::timeout) {
      reason = Reason::kRequestTimeout;
      words = "the request's header did not come in time";
    } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      reason = Reason::kHeadersTooLarge;
      words = fmt::format("the request's header is longer than {} bytes", kHttpHeaderBytesMax);
    } else if (error.category() != make_error_code(http::error::bad_method).category()) {
      co_return false;  // The connection broke; nobody is there to read an answer.
    }
    co_return co_await Refuse(exchange, reason, words);
  }

  asio::awaitable<bool> Route(HttpParser& parser, Exchange& exchange) {
    const auto method = parser.get().method_string();
    const auto target = parser.get().target();
    const auto route =
        ResolveRoute({method.data(), method.size()}, {target.data(), target.size()}, audience_,
                     ModelsOnDemand(state_.options.model_control) ? ModelsFace::kSageMaker
                                                                  : ModelsFace::kTorchServe);
    if (!route) {
      HttpAnswer answer = RenderError(route.error().error.reason, route.error().error.message,
                                      Duration::zero(), exchange.record.id);
      exchange.record.reason = route.error().error.reason;
      if (!route.error().allow.empty()) answer.headers.emplace_back("Allow", route.error().allow);
      state_.metrics.Refused(route.error().error.reason);
      co_return co_await Write(exchange, std::move(answer));
    }
    exchange.record.endpoint = EndpointName(route->endpoint);
    if (const Status page = CheckPage(parser); !page)
      co_return co_await Refuse(exchange, page.error());
    exchange.route = &*route;
    if (const KeyKeeper::Verdict verdict = Judge(parser, *route); verdict.reason != Reason::kOk) {
      co_return co_await Refuse(exchange, verdict.reason, std::string(verdict.words),
                                verdict.retry_after);
    } else {
      exchange.record.client = verdict.name;
    }
    if (IsOrder(*route)) co_return co_await TakeOrder(parser, exchange, *route);
    if (route->endpoint == Endpoint::kApiDocument || route->endpoint == Endpoint::kConsole) {
      const bool console = route->endpoint == Endpoint::kConsole;
      const std::string_view known = HeaderField(parser, http::field::if_none_match);
      exchange.record.kind = RequestRecord::Kind::kProbe;
      // With a name: GCC 12 destroys temporaries of a condition inside co_await wrongly.
      HttpAnswer answer = console ? AnswerConsole(*route, known, exchange.record.id)
                                  : AnswerApiDocument(*route, known, exchange.record.id);
      co_return co_await Write(exchange, std::move(answer));
    }
    if (!route->needs_body) {
      exchange.record.kind = RequestRecord::Kind::kProbe;
      co_return co_await Write(exchange, AnswerAtOnce(state_, *route, exchange.record.id));
    }
    co_return co_await Infer(parser, exchange, *route);
  }

  // Whether the request does not come from a stranger's page, where that matters.
  Status CheckPage(const HttpParser& parser) const {
    if (audience_ != Audience::kAdmin) return {};
    return CheckBrowser(HeaderField(parser, http::field::host),
                        HeaderField(parser, http::field::origin),
                        HeaderField(parser, "sec-fetch-site"));
  }

  // Whether the key that the request shows lets it in. The operator's port asks for none.
  KeyKeeper::Verdict Judge(const HttpParser& parser, const holdfast::Route& route) {
    if (audience_ == Audience::kAdmin || IsOpen(route.endpoint)) return {};
    std::string_view key = BearerKey(HeaderField(parser, http::field::authorization));
    if (key.empty()) key = HeaderField(parser, "x-api-key");
    return LetIn(state_, key);
  }

  asio::awaitable<bool> TakeOrder(HttpParser& parser, Exchange& exchange,
                                  const holdfast::Route& route) {
    Result<Body> body = Body();
    if (HasOrderBody(route)) {
      body = co_await ReadOrder(parser);
      if (!body && body.error().reason == Reason::kClientClosed) co_return false;
      if (!body) co_return co_await Refuse(exchange, body.error());
      exchange.body_unread = false;
    }
    stream_.tcp().expires_never();
    Result<HttpAnswer> answer = co_await CarryOutOrder(state_, route, body->view());
    if (!answer) co_return co_await Refuse(exchange, answer.error());
    co_return co_await Write(exchange, *std::move(answer));
  }

  asio::awaitable<Result<Body>> ReadOrder(HttpParser& parser) {
    const Result<std::size_t> length = bodies_.Length(parser);
    if (!length) co_return length.error();
    if (!parser.chunked() && *length > kOrderBytesMax) {
      co_return Error{Reason::kPayloadTooLarge, "an order has at most 4096 bytes"};
    }
    co_return co_await bodies_.Read(parser, std::min(*length, kOrderBytesMax));
  }

  // --- Inference ---

  // The deadline that the client asks for, within what the server allows.
  Result<Duration> TimeLimit(const HttpParser& parser) const {
    const std::string_view text = HeaderField(parser, "x-request-timeout-ms");
    if (text.empty()) return Duration(state_.options.deadline_default);
    const auto milliseconds = ParseDigits<std::int64_t>(text);
    if (!milliseconds || *milliseconds == 0) {
      return Error{Reason::kBadRequest, "X-Request-Timeout-Ms is no positive number"};
    }
    const std::int64_t most = state_.options.deadline_max.count();
    return Duration(std::chrono::milliseconds(std::min(*milliseconds, most)));
  }

  asio::awaitable<bool> Infer(HttpParser& parser, Exchange& exchange,
                              const holdfast::Route& route) {
    exchange.record.kind = RequestRecord::Kind::kInference;
    const Result<Duration> limit = TimeLimit(parser);
    if (!limit) co_return co_await Refuse(exchange, limit.error());
    const TimePoint deadline = exchange.record.start + *limit;
    const Result<ServableId> servable = state_.servables.Resolve(ChoiceOf(route));
    if (!servable) co_return co_await Refuse(exchange, servable.error());
    exchange.record.model = FormatKey(state_.servables.Get(*servable).key);
    // Its version may be replaced while the body comes; this request is still the old one's.
    const ServableTable::Hold hold(state_.servables, *servable);
    const Result<std::size_t> length = bodies_.Length(parser);
    if (!length) co_return co_await Refuse(exchange, length.error());
    if (const Status accept = CheckAccept(route, HeaderField(parser, http::field::accept));
        !accept) {
      co_return co_await Refuse(exchange, accept.error());
    }
    const auto coding = ContentCodingFrom(HeaderField(parser, http::field::content_encoding));
    if (!coding) co_return co_await Refuse(exchange, coding.error());
    // Nobody knows what a compressed body will have.
    const bool compressed = *coding != ContentCoding::kIdentity;
    const std::size_t bytes = compressed ? state_.options.body_bytes_max : *length;
    const std::string idempotency_key(
        state_.idempotent.on() ? HeaderField(parser, "idempotency-key") : std::string_view());
    if (!idempotency_key.empty()) {
      const Status is_key = CheckIdempotencyKey(idempotency_key);
      if (!is_key) co_return co_await Refuse(exchange, is_key.error());
    }
    const auto admission = state_.inference.Admit(*servable, bytes, deadline);
    if (admission.reason != Reason::kOk) {
      co_return co_await Refuse(
          exchange, admission.reason, "the server cannot answer this in time now",
          state_.inference.RetryHint(admission.reason, admission.retry_after));
    }
    ++state_.unwritten;
    exchange.admitted = true;
    exchange.record.Admitted(Now());
    state_.inference.budget().Reserve(bytes);
    Result<Body> body = co_await bodies_.Read(parser, *length);
    if (body) {
      exchange.body_unread = false;
      exchange.record.received = Now();
      exchange.record.request_bytes = body->view().size();
    }
    if (body && compressed) body = co_await bodies_.Inflate(std::move(*body), *coding);
    state_.inference.budget().Release(bytes);
    if (!body) {
      if (body.error().reason == Reason::kClientClosed) co_return Abandon(exchange);
      co_return co_await Refuse(exchange, body.error());
    }
    // Where Triton does: other faces' clients say that they inflate without meaning it.
    if (route.endpoint == Endpoint::kInfer) {
      exchange.answer_coding = AcceptedCoding(HeaderField(parser, http::field::accept_encoding));
    }
    if (!idempotency_key.empty()) {
      const auto answered = co_await TakeTurn(parser, exchange, idempotency_key, *body, deadline);
      if (answered.has_value()) co_return *answered;
    }
    co_return co_await Classify(parser, exchange, route, *servable, *body, deadline);
  }

  // Nothing: the request is the first with its key, and is to run. Else it has been answered, and
  // this is whether the connection goes on.
  asio::awaitable<std::optional<bool>> TakeTurn(HttpParser& parser, Exchange& exchange,
                                                std::string key, const Body& body,
                                                TimePoint deadline) {
    // Clients with API keys of their own do not meet.
    key = fmt::format("{} {}", exchange.record.client, key);
    const std::string digest = co_await DigestOfRequest(parser, body, stream_);
    const IdempotentTurn turn =
        co_await AwaitTurn(state_, stream_, key, digest, deadline, exchange.lease);
    switch (turn) {
      case IdempotentTurn::kRun:
        co_return std::nullopt;
      case IdempotentTurn::kGone:
        co_return Abandon(exchange);
      case IdempotentTurn::kReplay: {
        HttpAnswer answer = state_.idempotent.Answer(key);
        answer.headers.emplace_back("Idempotent-Replayed", "true");
        co_return co_await Write(exchange, std::move(answer));
      }
      case IdempotentTurn::kReused:
        co_return co_await Refuse(exchange, Reason::kIdempotencyKeyReused,
                                  "this Idempotency-Key stands for another request");
      case IdempotentTurn::kTooLate:
        break;
    }
    co_return co_await Refuse(exchange, Reason::kDeadlineExceeded,
                              "the first request with this Idempotency-Key still runs");
  }

  asio::awaitable<bool> Classify(HttpParser& parser, Exchange& exchange,
                                 const holdfast::Route& route, ServableId servable,
                                 const Body& body, TimePoint deadline) {
    state_.metrics.RequestAccepted();
    const auto method = parser.get().method_string();
    const auto target = parser.get().target();
    const Result<std::optional<std::size_t>> json_bytes = JsonBytes(parser);
    const HttpRequest request{.method = {method.data(), method.size()},
                              .target = {target.data(), target.size()},
                              .content_type = HeaderField(parser, http::field::content_type),
                              .accept = HeaderField(parser, http::field::accept),
                              .json_bytes = json_bytes.value_or(std::nullopt),
                              .body = body.view()};
    CallResult parsed = json_bytes
                            ? ParseCall(route, request, state_.servables.Get(servable), kItemsMax)
                            : CallResult(json_bytes.error());
    if (!parsed) {
      state_.metrics.RequestAnswered();
      const CallError& error = parsed.error();
      co_return co_await Refuse(exchange, error.reason, error.message, Duration::zero(),
                                error.item);
    }
    const std::string header = state_.rollouts.HeaderOf(servable);
    // A value with a name: GCC 12 destroys an aggregate temporary inside co_await twice.
    Rollouts::Call call{
        .servable = servable,
        .any_version = ChoiceOf(route).any_version(),
        .header = std::string(header.empty() ? "" : HeaderField(parser, header.c_str())),
        .items = std::move(parsed->items),
        .deadline = deadline,
        .request_id = exchange.record.id,
        .done = {}};
    const auto answer = co_await AwaitAnswer(std::move(call));
    if (!answer.has_value()) {
      state_.metrics.RequestAbandoned();
      co_return Abandon(exchange);
    }
    state_.metrics.RequestAnswered();
    const std::vector<ItemOutcome>& outcomes = answer->outcomes;
    exchange.record.model = FormatKey(state_.servables.Get(answer->servable).key);
    exchange.record.Answered(outcomes);
    const auto failed = std::ranges::find_if(
        outcomes, [](const ItemOutcome& outcome) { return outcome.reason != Reason::kOk; });
    if (failed == outcomes.end()) {
      co_return co_await Write(
          exchange,
          RenderCall(route, request, *parsed, state_.servables.Get(answer->servable), outcomes));
    }
    std::optional<std::size_t> index;
    // A lone image is the request; an item of a list has a number, also where it is the only one.
    if (parsed->form != AnswerForm::kPredictions && parsed->form != AnswerForm::kLabelScores) {
      index = static_cast<std::size_t>(failed - outcomes.begin());
    }
    co_return co_await Write(exchange, RenderError(failed->reason, failed->detail,
                                                   failed->retry_after, exchange.record.id, index,
                                                   TorchServeErrorType(route, failed->reason)));
  }

  // Submits and waits. Nothing: the client went away, and the call was cancelled.
  asio::awaitable<std::optional<Rollouts::Answer>> AwaitAnswer(Rollouts::Call call) {
    using asio::experimental::awaitable_operators::operator||;
    struct Shared {
      explicit Shared(const asio::any_io_executor& executor) : signal(executor, TimePoint::max()) {}
      asio::steady_timer signal;
      std::optional<Rollouts::Answer> answer;
    };
    auto shared = std::make_shared<Shared>(stream_.get_executor());
    call.done = [shared](Rollouts::Answer answer) {
      shared->answer = std::move(answer);
      shared->signal.cancel();
    };
    const CallId id = state_.rollouts.Submit(std::move(call));
    if (shared->answer.has_value()) co_return std::move(shared->answer);
    stream_.tcp().expires_never();
    co_await (shared->signal.async_wait(kUse) || AwaitDisconnect(stream_));
    if (shared->answer.has_value()) co_return std::move(shared->answer);
    state_.rollouts.Cancel(id);
    co_return std::nullopt;
  }

  // The client went away: the connection has ended.
  bool Abandon(const Exchange& exchange) {
    state_.AnswerWritten();
    state_.journal.Abandoned(exchange.record, Now());
    return false;
  }

  // --- Answers ---

  asio::awaitable<bool> Refuse(Exchange& exchange, const Error& error) {
    return Refuse(exchange, error.reason, error.message);
  }

  asio::awaitable<bool> Refuse(Exchange& exchange, Reason reason, const std::string& words,
                               Duration retry_after = Duration::zero(),
                               std::optional<std::size_t> item = std::nullopt) {
    state_.metrics.Refused(reason);
    exchange.record.reason = reason;
    if (retry_after == Duration::zero()) {
      retry_after = state_.inference.RetryHint(reason, Duration::zero());
    }
    const std::string_view type =
        exchange.route == nullptr ? "" : TorchServeErrorType(*exchange.route, reason);
    return Write(exchange, RenderError(reason, words, retry_after, exchange.record.id, item, type));
  }

  asio::awaitable<bool> Write(Exchange& exchange, HttpAnswer answer) {
    if (exchange.lease.has_value()) exchange.lease->Finish(answer, Now());
    if (exchange.body_unread || state_.draining) exchange.keep_alive = false;
    http::response<http::string_body> response;
    response.version(exchange.version);
    response.result(static_cast<unsigned>(answer.status));
    response.set(http::field::content_type, answer.content_type);
    response.set("x-request-id", exchange.record.id);
    if (exchange.record.attempts > 0) {
      response.set("x-holdfast-attempts", std::to_string(exchange.record.attempts));
    }
    for (const auto& [name, value] : answer.headers) response.set(name, value);
    if (exchange.answer_coding != ContentCoding::kIdentity && answer.status == 200) {
      answer.body = Compress(exchange.answer_coding, answer.body);
      response.set(http::field::content_encoding, ContentCodingName(exchange.answer_coding));
    }
    response.keep_alive(exchange.keep_alive);
    response.content_length(answer.body.size());
    exchange.record.status = answer.status;
    exchange.record.response_bytes = answer.body.size();
    // 304 tells the length of what it leaves out, as HEAD does.
    const bool bare = exchange.head || answer.status == 304;
    if (!bare) response.body() = std::move(answer.body);
    stream_.tcp().expires_after(kWriteTime);
    http::response_serializer<http::string_body> serializer(response);
    serializer.split(false);
    const auto [error, bytes] = co_await http::async_write(stream_, serializer, kUse);
    if (exchange.admitted) state_.AnswerWritten();
    state_.journal.Answered(exchange.record, Now());
    if (error) co_return false;
    if (exchange.keep_alive) co_return true;
    co_await Linger(stream_);
    co_return false;
  }

  TcpOrTlsStream stream_;
  HttpBuffer buffer_;
  ServerState& state_;
  Audience audience_;
  BodyReader bodies_;
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
