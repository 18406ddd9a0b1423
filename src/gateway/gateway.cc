// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <malloc.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <map>
#include <set>
#include <string>

#include "base/build_id.h"
#include "gateway/coroutine.h"
#include "gateway/golden_probe.h"
#include "gateway/grpc/grpc_server.h"
#include "gateway/grpc/tls_tunnel.h"
#include "gateway/http_connection.h"
#include "gateway/inference_service.h"
#include "gateway/load_counter.h"
#include "gateway/metrics.h"
#include "gateway/reporting.h"
#include "gateway/servable_table.h"
#include "gateway/server_state.h"
#include "gateway/supervisor_link.h"
#include "ipc/death_report.h"
#include "ipc/port_credentials.h"
#include "os/cgroup.h"
#include "os/process_title.h"
#include "os/shared_memory.h"
#include "os/steady_clock.h"
#include "telemetry/pipe_sink.h"

namespace holdfast {
namespace {

namespace asio = boost::asio;

constexpr auto kAcceptPause = std::chrono::milliseconds(50);
constexpr auto kAcceptLogPeriod = std::chrono::seconds(1);
// For a header that has begun, while others wait for a connection.
constexpr auto kHeaderPatience = std::chrono::milliseconds(250);
constexpr auto kHealthPeriod = std::chrono::milliseconds(250);
constexpr auto kQuietTime = std::chrono::milliseconds(20);
// For calls that came while their connections were being told that the server goes.
constexpr auto kGrpcGoodbye = std::chrono::milliseconds(500);
// Above the cap on connections, so that probes are still answered when clients fill it.
constexpr std::size_t kSpareConnections = 64;
constexpr std::uint64_t kNobodysOrder = 0;     // Operators' orders are counted from 1.
constexpr std::size_t kManyConnections = 500;  // Some megabytes.

class Gateway {
 public:
  explicit Gateway(const GatewayOptions& options)
      : options_(options),
        sink_(kGatewayLogFd),
        log_(sink_, {.format = options.log_as_text ? LogFormat::kText : LogFormat::kJson,
                     .level = static_cast<LogLevel>(options.log_level),
                     .role = "gateway"}),
        servables_(options.default_model, ModelsOnDemand(options.model_control)),
        inference_(loop_, options_, servables_, metrics_, log_,
                   [this](const Message& message) { link_.Send(message); }),
        golden_probe_(inference_, servables_, metrics_, log_, options_.golden_interval),
        orders_([this](ModelOrder order, std::uint64_t number, const std::string& text) {
          return PassOn(order, number, text);
        }),
        rollouts_(inference_, servables_, metrics_, log_,
                  [this](ModelOrder order, const RolloutEndOrder& end) {
                    return PassOn(order, kNobodysOrder, EncodeRolloutEndOrder(end));
                  }),
        reporting_(loop_, options_, inference_, metrics_, log_),
        state_{options_, servables_, inference_,     metrics_, log_, reporting_.journal(),
               orders_,  rollouts_,  pipeline_turns_},
        link_(loop_, UniqueFd(kGatewayControlFd),
              {.message = [this](Channel::Incoming news) { OnNews(std::move(news)); },
               .closed = [this] { loop_.stop(); }}),
        http_acceptor_(loop_),
        admin_acceptor_(loop_),
        grpc_acceptor_(loop_),
        grpc_({loop_, state_}) {}

  int Run() {
    link_.Send({.kind = MessageKind::kHello, .value = BuildDigest(BuildId())});
    Assign(http_acceptor_, kGatewayHttpFd);
    Assign(grpc_acceptor_, kGatewayGrpcFd);
    Assign(admin_acceptor_, kGatewayAdminFd);
    inference_.budget().Watch([this] { return cgroup_.MemoryLimit(); });
    asio::co_spawn(loop_, MirrorHealth(), asio::detached);
    reporting_.Start();
    loop_.run();
    grpc_.Shutdown(kGrpcGoodbye);
    if (state_.tls.on()) {  // What gRPC said last is still on its way through us.
      loop_.restart();
      loop_.run_for(kQuietTime);
    }
    sink_.Flush();
    return 0;
  }

 private:
  static void Assign(asio::ip::tcp::acceptor& acceptor, int listener) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    acceptor.assign(address.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(),
                    listener);
    acceptor.non_blocking(true);
    // Told like any other error. By default Asio takes it for "nothing there" and waits for the
    // next client: whoever stood behind the one that left would wait as long.
    acceptor.set_option(asio::socket_base::enable_connection_aborted(true));
  }

  // The client left while it stood in the listen queue. That took it out; the next one may be
  // there.
  static bool HasLeft(const boost::system::error_code& error) {
    return error == asio::error::connection_aborted || error.value() == EPROTO;
  }

  Audience ClientAudience() const {
    const bool may_control = options_.model_control == ModelControl::kPublic;
    return may_control ? Audience::kControl : Audience::kPublic;
  }

  // Not before it knows what there is to serve: clients wait in the listen queue for some
  // milliseconds instead of being told that nothing is there.
  void StartAccepting() {
    if (options_.credentials && !have_credentials_) return;  // Never in the clear by mistake.
    if (std::exchange(accepting_, true)) return;
    asio::co_spawn(loop_, AcceptHttp(http_acceptor_, ClientAudience()), asio::detached);
    asio::co_spawn(loop_, AcceptHttp(admin_acceptor_, Audience::kAdmin), asio::detached);
    asio::co_spawn(loop_, AcceptGrpc(), asio::detached);
  }

  // The next connection of `acceptor`, however long the descriptors are short. A closed socket once
  // the acceptor has been closed.
  asio::awaitable<asio::ip::tcp::socket> NextConnection(asio::ip::tcp::acceptor& acceptor) {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(kUse);
      if (!error) {
        boost::system::error_code ignored;
        socket.set_option(asio::ip::tcp::no_delay(true), ignored);
        co_return std::move(socket);
      }
      if (!acceptor.is_open()) co_return asio::ip::tcp::socket(loop_);
      LogAcceptFailure(error.message());
      if (HasLeft(error)) continue;
      // Out of descriptors, most likely. The connection waits in the listen queue.
      MakeRoom();
      co_await Pause(kAcceptPause);
    }
  }

  // Descriptors may be short for long: one line a second tells as much as twenty.
  void LogAcceptFailure(const std::string& words) {
    ++accept_failures_;
    if (Now() < accept_logged_ + kAcceptLogPeriod) return;
    log_.Warning("accept", {{"error", words}, {"failures", accept_failures_}});
    accept_failures_ = 0;
    accept_logged_ = Now();
  }

  // Whoever is slow with a header goes, so that probes and clients get their turn.
  void MakeRoom() {
    const std::size_t closed = state_.slow_headers.CloseOlderThan(Now() - kHeaderPatience);
    for (std::size_t i = 0; i < closed; ++i) metrics_.Refused(Reason::kRequestTimeout);
  }

  asio::awaitable<void> AcceptHttp(asio::ip::tcp::acceptor& acceptor, Audience audience) {
    // The operator's connections come on top of all others.
    const std::size_t spare = kSpareConnections * (audience == Audience::kAdmin ? 2 : 1);
    for (;;) {
      if (ClientsHold(options_.connections_max + spare)) {
        MakeRoom();
        co_await Pause(kAcceptPause);
        continue;
      }
      asio::ip::tcp::socket socket = co_await NextConnection(acceptor);
      if (!socket.is_open()) co_return;
      asio::co_spawn(loop_, ServeConnection(std::move(socket), state_, audience), asio::detached);
    }
  }

  // Over HTTP and gRPC together: descriptors are of one kind.
  bool ClientsHold(std::size_t connections) {
    return state_.connections >= connections || grpc_.Holds(connections - state_.connections);
  }

  asio::awaitable<void> AcceptGrpc() {
    for (;;) {
      if (ClientsHold(options_.connections_max)) {
        MakeRoom();
        co_await Pause(kAcceptPause);
        continue;
      }
      asio::ip::tcp::socket socket = co_await NextConnection(grpc_acceptor_);
      if (!socket.is_open()) co_return;
      if (state_.tls.on()) {
        asio::co_spawn(loop_,
                       ServeGrpcOverTls(std::move(socket), state_,
                                        [this](int end) { grpc_.AdoptUncounted(end); }),
                       asio::detached);
      } else {
        grpc_.Adopt(socket.release());
      }
    }
  }

  // gRPC's health service answers from its own threads, so it is told; health depends on the time,
  // too, so it is told again and again.
  asio::awaitable<void> MirrorHealth() {
    for (;;) {
      MirrorModels();
      LetGo();
      golden_probe_.Check(Now());
      rollouts_.Check(Now());
      inference_.budget().Refresh();
      GiveMemoryBack();
      reporting_.Flush();
      sink_.Flush();  // What could not be written has its next chance, whether or not more comes.
      co_await Pause(kHealthPeriod);
    }
  }

  // What hundreds of connections held is in small pieces, which are not given back by themselves.
  void GiveMemoryBack() {
    most_connections_ = std::max(most_connections_, state_.connections);
    if (most_connections_ - state_.connections < kManyConnections) return;
    most_connections_ = state_.connections;
    ::malloc_trim(0);
  }

  void MirrorModels() {
    const bool ready = state_.ready();
    std::map<std::string, bool> serving;
    for (const std::string& name : mirrored_) serving[name] = false;
    for (const ServableId id : servables_.ids()) {
      bool& model = serving[servables_.Get(id).key.name];
      model = model || (ready && !servables_.failed(id));
    }
    grpc_.SetServing("", ready);
    for (const auto& [name, is_serving] : serving) {
      grpc_.SetServing(name, is_serving);
      mirrored_.insert(name);
    }
  }

  // Versions that are to go, once nobody needs them.
  void LetGo() {
    for (const ServableId id : servables_.retiring()) {
      if (servables_.held(id) || !inference_.idle(id) || told_drained_.contains(id)) continue;
      told_drained_.insert(id);
      link_.Send({.kind = MessageKind::kServableDrained, .servable = id});
    }
    for (const ServableId id : servables_.dropped()) {
      if (servables_.held(id) || !inference_.ForgetServable(id)) continue;
      golden_probe_.Forget(id);
      servables_.Forget(id);
      told_drained_.erase(id);
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
      case MessageKind::kServables:
        OnServables(news.descriptors[0]);
        break;
      case MessageKind::kCredentials:
        OnCredentials(news.descriptors[0]);
        break;
      case MessageKind::kModelOrderDone: {
        const Reason reason = ReasonFromNumber(message.code).value_or(Reason::kInternal);
        orders_.Done(message.value,
                     reason == Reason::kOk
                         ? Status()
                         : Status(Error{reason, ReadSealedText(news.descriptors[0])}));
        break;
      }
      case MessageKind::kServableFailed:
        inference_.ServableFailed(message.servable);
        break;
      case MessageKind::kWorker:
        inference_.AddWorker(message.slot, message.generation, message.servable,
                             std::move(news.descriptors[0]), std::move(news.descriptors[1]));
        break;
      case MessageKind::kWorkerDied: {
        const auto report = DecodeDeathReport(ReadSealedText(news.descriptors[0]));
        inference_.WorkerDied(message.slot, message.generation, message.servable,
                              DeathCauseFromNumber(message.code).value_or(DeathCause::kUnknown),
                              report ? *report : DeathReport{});
        break;
      }
      case MessageKind::kWorkerForked:
        inference_.WorkerForked(message.slot, message.generation, message.value);
        break;
      case MessageKind::kRetire:
        inference_.RetireWorker(message.slot, message.generation,
                                DeathCauseFromNumber(message.code).value_or(DeathCause::kUnknown));
        break;
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
    Result<ServableDescription> description = DecodeDescription(ReadSealedText(memory));
    if (!description) {
      log_.Error("servable", {{"error", description.error().message}});
      return;
    }
    inference_.AddServable(id, std::move(*description));
  }

  // What cannot be used changes nothing: who has been served is served on.
  void OnCredentials(const UniqueFd& memory) {
    const auto credentials = DecodePortCredentials(ReadSealedText(memory));
    const Status used = credentials ? Use(*credentials) : Status(credentials.error());
    if (!used) return log_.Error("credentials-refused", {{"error", used.error().message}});
    have_credentials_ = true;
    if (state_.tls.on()) metrics_.CertificateEnds(state_.tls.certificate_end());
    log_.Info("credentials-used", {{"certificate_ends", state_.tls.certificate_end()},
                                   {"api_keys", state_.keys.size()}});
  }

  Status Use(const PortCredentials& credentials) {
    std::vector<ApiKey> keys;
    if (!credentials.api_keys.empty()) keys = TRY(ParseApiKeys(credentials.api_keys));
    if (credentials.tls()) TRY_DO(state_.tls.Use(credentials));
    state_.keys.Use(std::move(keys), Now());
    return {};
  }

  Status PassOn(ModelOrder order, std::uint64_t number, const std::string& text) {
    const UniqueFd memory = TRY(MakeSealedText("holdfast-order", text));
    link_.Send({.kind = MessageKind::kModelOrder,
                .code = static_cast<std::uint32_t>(order),
                .value = number},
               {memory.get()});
    return {};
  }

  void OnServables(const UniqueFd& memory) {
    const auto list = DecodeServableList(ReadSealedText(memory));
    if (!list) {
      log_.Error("servable", {{"error", list.error().message}});
      return;
    }
    servables_.Update(*list);
    rollouts_.Follow(Now());
    loads_.Count(*list, metrics_);
    StartAccepting();
    // Their workers are ended: whatever still waits for one waits in vain.
    for (const ServableId id : servables_.dropped()) inference_.ServableFailed(id);
  }

  // Whoever has come already is served; whoever comes later is refused by the kernel, and goes
  // elsewhere at once. The supervisor has closed its copies of the sockets.
  void CloseDoors() {
    for (;;) {
      boost::system::error_code error;
      asio::ip::tcp::socket socket = http_acceptor_.accept(error);
      if (HasLeft(error)) continue;
      if (error) break;
      asio::co_spawn(loop_, ServeConnection(std::move(socket), state_, ClientAudience()),
                     asio::detached);
    }
    boost::system::error_code ignored;
    for (asio::ip::tcp::acceptor* acceptor : {&http_acceptor_, &admin_acceptor_, &grpc_acceptor_}) {
      acceptor->close(ignored);
    }
  }

  // Lame duck: not ready, still serving, until load balancers have noticed. Then every answer says
  // Connection: close, new connections are still served, and the end comes once nothing is left.
  asio::awaitable<void> Drain(TimePoint until) {
    state_.draining = true;
    log_.Info("drain-started", {{"in_flight", metrics_.in_flight()}});
    if (options_.lame_duck.count() > 0) co_await Pause(options_.lame_duck);
    asio::steady_timer last(loop_, until);
    state_.all_written = [&last] { last.cancel(); };
    // Requests that are on the wire already get their turn: the end is a moment without any, twice,
    // and nobody can come in after the first.
    for (const bool closing : {true, false}) {
      do {
        while (state_.unwritten > 0 && Now() < until) co_await last.async_wait(kUse);
        co_await Pause(kQuietTime);
      } while (state_.unwritten > 0 && Now() < until);
      if (closing) CloseDoors();
    }
    state_.all_written = nullptr;
    if (metrics_.in_flight() > 0) {
      log_.Warning("drain-timeout", {{"abandoned", metrics_.in_flight()},
                                     {"effect", "their connections are closed without an answer"}});
    }
    log_.Info("drained",
              {{"abandoned", metrics_.in_flight()}, {"idle_connections", state_.connections}});
    co_await reporting_.End();
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
  GoldenProbe golden_probe_;
  Cgroup cgroup_;
  ModelOrders orders_;
  Rollouts rollouts_;
  PipelineTurns pipeline_turns_{loop_};
  Reporting reporting_;
  ServerState state_;
  SupervisorLink link_;
  asio::ip::tcp::acceptor http_acceptor_;
  asio::ip::tcp::acceptor admin_acceptor_;
  asio::ip::tcp::acceptor grpc_acceptor_;
  GrpcServer grpc_;
  LoadCounter loads_;
  std::set<std::string> mirrored_;     // Models that gRPC's health service knows.
  std::set<ServableId> told_drained_;  // Retiring ones that the supervisor may end.
  bool accepting_ = false;
  bool have_credentials_ = false;
  std::size_t most_connections_ = 0;   // Since memory was given back last.
  std::uint64_t accept_failures_ = 0;  // Not yet told.
  TimePoint accept_logged_ = TimePoint::min();
  bool drain_started_ = false;
};

}  // namespace

int RunGateway(const GatewayOptions& options) {
  SetProcessTitle("holdfast: gateway", "hf-gateway");
  // Large bodies go back to the kernel when they are freed. By default the threshold follows what
  // is freed, and after one burst of large bodies all of them would stay.
  ::mallopt(M_MMAP_THRESHOLD, static_cast<int>(KiB(256)));
  Gateway gateway(options);
  return gateway.Run();
}

}  // namespace holdfast
