// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace holdfast {

// The gRPC port: `grpc.health.v1.Health`, for the server ("") and for each model by its name, and
// server reflection. gRPC has threads of its own; what they read is set from the gateway's loop.
class GrpcServer {
 public:
  GrpcServer();
  ~GrpcServer();

  // Serves one accepted connection, which it owns from here on.
  void Adopt(int connection);
  void SetServing(const std::string& service, bool serving);
  // Ends open streams. Nothing is served afterwards.
  void Shutdown();

 private:
  struct Library;  // Keeps gRPC's headers out of ours.
  std::unique_ptr<Library> library_;
};

}  // namespace holdfast
