// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/grpc_server.h"

#include <fcntl.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <thread>
#include <vector>

#include "gateway/grpc/loop_calls.h"
#include "gateway/grpc/open_inference_service.h"
#include "gateway/grpc/tensorflow_service.h"

namespace holdfast {
namespace {

constexpr int kPingIntervalMs = 5'000;  // Clients may ping as often as that without a call.

// A descriptor's number may be another's by now; its inode is not.
struct Adopted {
  int descriptor;
  ino_t inode;
};

ino_t InodeOf(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

struct GrpcServer::Library {
  explicit Library(const GrpcGateway& owner) : gateway(owner) {}
  GrpcGateway gateway;
  std::vector<std::unique_ptr<grpc::Service>> services;  // Longer than the server.
  std::unique_ptr<grpc::Server> server;
  std::vector<Adopted> adopted;  // Some may have ended.
};

GrpcServer::GrpcServer(const GrpcGateway& gateway) : library_(std::make_unique<Library>(gateway)) {
  const GatewayOptions& options = gateway.state.options;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  const int keep_alive_ms = static_cast<int>(options.keep_alive.count());
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, keep_alive_ms);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keep_alive_ms);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // As many as it takes.
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.grpc_message_bytes_max));
  // What is being received is nobody's yet: it counts here, until it is admitted.
  grpc::ResourceQuota quota("holdfast");
  builder.SetResourceQuota(
      quota.Resize(std::max(options.queue_bytes_max, 2 * options.grpc_message_bytes_max)));
  library_->services = MakeTensorFlowServices(gateway);
  library_->services.push_back(MakeOpenInferenceService(gateway));
  for (const auto& service : library_->services) builder.RegisterService(service.get());
  library_->server = builder.BuildAndStart();
  SetServing("", false);
}

GrpcServer::~GrpcServer() { Shutdown(std::chrono::milliseconds(0)); }

void GrpcServer::Adopt(int connection) {
  library_->adopted.push_back({connection, InodeOf(connection)});
  AdoptUncounted(connection);
}

void GrpcServer::AdoptUncounted(int connection) {
  ::fcntl(connection, F_SETFL, ::fcntl(connection, F_GETFL) | O_NONBLOCK);
  grpc::AddInsecureChannelFromFd(library_->server.get(), connection);
}

bool GrpcServer::Holds(std::size_t connections) {
  if (library_->adopted.size() >= connections) {
    std::erase_if(library_->adopted,
                  [](const Adopted& one) { return InodeOf(one.descriptor) != one.inode; });
  }
  return library_->adopted.size() >= connections;
}

void GrpcServer::SetServing(const std::string& service, bool serving) {
  if (auto* health = library_->server->GetHealthCheckService(); health != nullptr) {
    health->SetServingStatus(service, serving);
  }
}

void GrpcServer::Shutdown(std::chrono::milliseconds grace) {
  if (library_->server == nullptr) return;
  // The calls end on the loop, and gRPC waits for them: each needs a thread.
  boost::asio::io_context& loop = library_->gateway.loop;
  std::thread closer([&] {
    library_->server->Shutdown(std::chrono::system_clock::now() + grace);
    boost::asio::post(loop, [&loop] { loop.stop(); });
  });
  const auto work = boost::asio::make_work_guard(loop);
  loop.restart();
  loop.run();
  closer.join();
  library_->server.reset();
}

}  // namespace holdfast
