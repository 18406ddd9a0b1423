// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace holdfast {

// The gRPC port: `grpc.health.v1.Health`, for the server ("") and for each model by its name, and
// server reflection. gRPC has threads of its own; what they read is set from the gateway's loop.
class GrpcServer {
 public:
  // A client that has been silent for `keep_alive` is asked for a sign of life, and given up after
  // as long again.
  explicit GrpcServer(std::chrono::milliseconds keep_alive);
  ~GrpcServer();

  // Serves one accepted connection, which it owns from here on.
  void Adopt(int connection);
  // Whether as many of the adopted connections are open. gRPC tells nobody when one ends: once
  // there may be so many, the kernel is asked which are.
  bool Holds(std::size_t connections);
  void SetServing(const std::string& service, bool serving);
  // Ends open streams. Nothing is served afterwards.
  void Shutdown();

 private:
  struct Library;  // Keeps gRPC's headers out of ours.
  std::unique_ptr<Library> library_;
};

}  // namespace holdfast
