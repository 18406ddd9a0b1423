// SPDX-License-Identifier: Apache-2.0
#include "gateway/idempotent_turn.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string_view>

#include "gateway/coroutine.h"
#include "gateway/disconnect.h"
#include "model/digest.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t kDigestedPart = MiB(1);  // Of a body, in one turn of the loop.

enum class Waited { kEnded, kTooLate, kGone };

// Until the request that runs under `key` has ended.
asio::awaitable<Waited> AwaitFirst(ServerState& state, TcpOrTlsStream& stream,
                                   const std::string& key, TimePoint deadline) {
  using asio::experimental::awaitable_operators::operator||;
  struct Signal {
    explicit Signal(const asio::any_io_executor& executor, TimePoint at) : timer(executor, at) {}
    asio::steady_timer timer;
    bool ended = false;
  };
  const auto signal = std::make_shared<Signal>(stream.get_executor(), deadline);
  state.idempotent.Await(key, [weak = std::weak_ptr(signal)] {
    const auto alive = weak.lock();
    if (alive == nullptr) return;
    alive->ended = true;
    alive->timer.cancel();
  });
  stream.tcp().expires_never();
  const auto first = co_await (signal->timer.async_wait(kUse) || AwaitDisconnect(stream));
  if (signal->ended) co_return Waited::kEnded;
  co_return first.index() == 0 ? Waited::kTooLate : Waited::kGone;
}

// A request that is answered without having run is as accepted as one that has.
IdempotentTurn Unrun(ServerState& state, IdempotentTurn turn, std::string_view outcome) {
  state.metrics.RequestAccepted();
  state.metrics.RequestAnswered();
  state.metrics.IdempotentRequest(outcome);
  return turn;
}

}  // namespace

asio::awaitable<std::string> DigestOfRequest(const HttpParser& parser, const Body& body,
                                             TcpOrTlsStream& stream) {
  const auto target = parser.get().target();
  std::string text = fmt::format("{}\n{}\n{}\n{}\n", std::string_view(target.data(), target.size()),
                                 HeaderField(parser, http::field::content_type),
                                 HeaderField(parser, http::field::accept),
                                 HeaderField(parser, "inference-header-content-length"));
  for (ByteView rest = body.view(); !rest.empty();) {
    const ByteView part = rest.first(std::min(rest.size(), kDigestedPart));
    text += Sha256(part);
    rest = rest.subspan(part.size());
    if (!rest.empty()) co_await asio::post(stream.get_executor(), asio::use_awaitable);
  }
  co_return Sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

asio::awaitable<IdempotentTurn> AwaitTurn(ServerState& state, TcpOrTlsStream& stream,
                                          std::string key, std::string digest, TimePoint deadline,
                                          std::optional<IdempotentAnswers::Lease>& lease) {
  for (;;) {
    switch (state.idempotent.Begin(key, digest, Now())) {
      case IdempotentAnswers::Turn::kRun:
        lease.emplace(state.idempotent, key);
        co_return IdempotentTurn::kRun;
      case IdempotentAnswers::Turn::kReplay:
        co_return Unrun(state, IdempotentTurn::kReplay, "replayed");
      case IdempotentAnswers::Turn::kReused:
        co_return Unrun(state, IdempotentTurn::kReused, "reused");
      case IdempotentAnswers::Turn::kWait:
        break;
    }
    const Waited waited = co_await AwaitFirst(state, stream, key, deadline);
    if (waited == Waited::kGone) co_return IdempotentTurn::kGone;
    if (waited == Waited::kTooLate) co_return Unrun(state, IdempotentTurn::kTooLate, "late");
  }
}

}  // namespace holdfast
