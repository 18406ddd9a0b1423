// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc_server.h"

#include <fcntl.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/stat.h>

#include <vector>

namespace holdfast {
namespace {

constexpr auto kShutdownTime = std::chrono::milliseconds(200);
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
  std::unique_ptr<grpc::Server> server;
  std::vector<Adopted> adopted;  // Some may have ended.
};

GrpcServer::GrpcServer(std::chrono::milliseconds keep_alive)
    : library_(std::make_unique<Library>()) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  const int keep_alive_ms = static_cast<int>(keep_alive.count());
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, keep_alive_ms);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keep_alive_ms);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // As many as it takes.
  library_->server = builder.BuildAndStart();
  SetServing("", false);
}

GrpcServer::~GrpcServer() { Shutdown(); }

void GrpcServer::Adopt(int connection) {
  ::fcntl(connection, F_SETFL, ::fcntl(connection, F_GETFL) | O_NONBLOCK);
  library_->adopted.push_back({connection, InodeOf(connection)});
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

void GrpcServer::Shutdown() {
  if (library_->server == nullptr) return;
  library_->server->Shutdown(std::chrono::system_clock::now() + kShutdownTime);
  library_->server.reset();
}

}  // namespace holdfast
