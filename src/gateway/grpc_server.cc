// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc_server.h"

#include <fcntl.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <chrono>

namespace holdfast {
namespace {

constexpr auto kShutdownTime = std::chrono::milliseconds(200);
constexpr int kPingIntervalMs = 5'000;  // Clients may ping as often as that without a call.

}  // namespace

struct GrpcServer::Library {
  std::unique_ptr<grpc::Server> server;
};

GrpcServer::GrpcServer() : library_(std::make_unique<Library>()) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  library_->server = builder.BuildAndStart();
  SetServing("", false);
}

GrpcServer::~GrpcServer() { Shutdown(); }

void GrpcServer::Adopt(int connection) {
  ::fcntl(connection, F_SETFL, ::fcntl(connection, F_GETFL) | O_NONBLOCK);
  grpc::AddInsecureChannelFromFd(library_->server.get(), connection);
}

void GrpcServer::SetServing(const std::string& service, bool serving) {
  if (auto* health = library_->server->GetHealthCheckService(); health != nullptr) {
    health->SetServingStatus(service, serving);
  }
}

void GrpcServer::Shutdown() {
  if (library_->server == nullptr) return;
  library_->server->Shutdown(std::chrono::system_clock::now() + kShutdownTime);
  library_->server.reset();
}

}  // namespace holdfast
