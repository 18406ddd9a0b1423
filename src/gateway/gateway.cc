// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/build_id.h"
#include "gateway/http_connection.h"
#include "gateway/inference_service.h"
#include "gateway/metrics.h"
#include "gateway/servable_table.h"
#include "gateway/server_state.h"
#include "gateway/supervisor_link.h"
#include "ipc/death_report.h"
#include "os/process_title.h"
#include "os/shared_memory.h"
#include "os/steady_clock.h"
#include "telemetry/pipe_sink.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr auto kAcceptPause = std::chrono::milliseconds(50);
constexpr auto kDrainPoll = std::chrono::milliseconds(20);
// Above the cap on connections, so that probes are still answered when clients fill it.
constexpr std::size_t kSpareConnections = 64;

std::string TextOf(const UniqueFd& memory) {
  const Result<SharedMemory> mapped = SharedMemory::Map(memory.get(), SharedMemory::Access::kRead);
  if (!mapped) return "";
  const auto bytes = mapped->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Gateway {
 public:
  explicit Gateway(const GatewayOptions& options)
      : options_(options),
        sink_(kGatewayLogFd),
        log_(sink_, {.format = options.log_as_text ? LogFormat::kText : LogFormat::kJson,
                     .level = static_cast<LogLevel>(options.log_level),
                     .role = "gateway"}),
        servables_(options.default_model, options.servables),
        inference_(loop_, options_, servables_, metrics_, log_,
                   [this](const Message& message) { link_.Send(message); }),
        state_{options_, servables_, inference_, metrics_, log_},
        link_(loop_, UniqueFd(kGatewayControlFd),
              {.message = [this](Channel::Incoming news) { OnNews(std::move(news)); },
               .closed = [this] { loop_.stop(); }}),
        acceptor_(loop_) {}

  int Run() {
    link_.Send({.kind = MessageKind::kHello, .value = BuildDigest(BuildId())});
    acceptor_.assign(ListenerProtocol(), kGatewayHttpFd);
    acceptor_.non_blocking(true);
    asio::co_spawn(loop_, Accept(), asio::detached);
    loop_.run();
    sink_.Flush();
    return 0;
  }

 private:
  static asio::ip::tcp ListenerProtocol() {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    ::getsockname(kGatewayHttpFd, reinterpret_cast<sockaddr*>(&address), &length);
    return address.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
  }

  asio::awaitable<void> Accept() {
    for (;;) {
      if (state_.connections >= options_.connections_max + kSpareConnections) {
        co_await Pause(kAcceptPause);
        continue;
      }
      auto [error, socket] = co_await acceptor_.async_accept(kUse);
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // Out of descriptors, most likely. The connection waits in the listen queue.
        log_.Warning("accept", {{"error", error.message()}});
        co_await Pause(kAcceptPause);
        continue;
      }
      boost::system::error_code ignored;
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
      asio::co_spawn(loop_, ServeConnection(std::move(socket), state_), asio::detached);
    }
  }

  asio::awaitable<void> Pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(loop_, time);
    co_await timer.async_wait(kUse);
  }

  void OnNews(Channel::Incoming news) {
    const Message& message = news.message;
    switch (message.kind) {
      case MessageKind::kServable:
        OnServable(message.servable, news.descriptors[0]);
        break;
      case MessageKind::kServableFailed:
        inference_.ServableFailed(message.servable);
        break;
      case MessageKind::kWorker:
        inference_.AddWorker(message.slot, message.generation, message.servable,
                             std::move(news.descriptors[0]), std::move(news.descriptors[1]));
        break;
      case MessageKind::kWorkerDied: {
        const auto report = DecodeDeathReport(TextOf(news.descriptors[0]));
        inference_.WorkerDied(message.slot, message.generation, message.servable,
                              DeathCauseFromNumber(message.code).value_or(DeathCause::kUnknown),
                              report ? *report : DeathReport{});
        break;
      }
      case MessageKind::kDrain:
        if (!std::exchange(drain_started_, true)) {
          asio::co_spawn(loop_, Drain(Now() + Duration(message.value)), asio::detached);
        }
        break;
      default:
        break;
    }
  }

  void OnServable(ServableId id, const UniqueFd& memory) {
    Result<ServableDescription> description = DecodeDescription(TextOf(memory));
    if (!description) {
      log_.Error("servable", {{"error", description.error().message}});
      return;
    }
    inference_.AddServable(id, std::move(*description));
  }

  // Lame duck: not ready, still serving, until load balancers have noticed. Then every answer says
  // Connection: close, new connections are still served, and the end comes once nothing is left.
  asio::awaitable<void> Drain(TimePoint until) {
    state_.draining = true;
    log_.Info("drain-started", {{"in_flight", metrics_.in_flight()}});
    if (options_.lame_duck.count() > 0) co_await Pause(options_.lame_duck);
    while (metrics_.in_flight() > 0 && Now() < until) co_await Pause(kDrainPoll);
    co_await Pause(kDrainPoll);  // The last answers are written.
    log_.Info("drained",
              {{"abandoned", metrics_.in_flight()}, {"idle_connections", state_.connections}});
    link_.Send({.kind = MessageKind::kDrained});
    loop_.stop();
  }

  asio::io_context loop_{1};
  GatewayOptions options_;
  PipeSink sink_;
  Log log_;
  Metrics metrics_;
  ServableTable servables_;
  InferenceService inference_;
  ServerState state_;
  SupervisorLink link_;
  asio::ip::tcp::acceptor acceptor_;
  bool drain_started_ = false;
};

}  // namespace

int RunGateway(const GatewayOptions& options) {
  SetProcessTitle("holdfast: gateway", "hf-gateway");
  Gateway gateway(options);
  return gateway.Run();
}

}  // namespace holdfast
