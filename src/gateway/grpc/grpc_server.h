// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "gateway/grpc/grpc_gateway.h"

namespace holdfast {

// The gRPC port: TensorFlow Serving's services, the Open Inference Protocol's, server reflection,
// and `grpc.health.v1.Health`, for the server ("") and for each model by its name. gRPC has threads
// of its own; they only read and write messages, and post everything else to the gateway's loop.
class GrpcServer {
 public:
  // A client that has been silent for the options' keep_alive is asked for a sign of life, and
  // given up after as long again.
  explicit GrpcServer(const GrpcGateway& gateway);
  ~GrpcServer();

  // Serves one accepted connection, which it owns from here on.
  void Adopt(int connection);
  // The same for one that somebody else counts, see Holds().
  void AdoptUncounted(int connection);
  // Whether as many of the adopted connections are open. gRPC tells nobody when one ends: once
  // there may be so many, the kernel is asked which are.
  bool Holds(std::size_t connections);
  void SetServing(const std::string& service, bool serving);
  // Tells clients that the server goes, and gives the calls that are open `grace`, during which the
  // loop turns here. Nothing is served afterwards.
  void Shutdown(std::chrono::milliseconds grace);

 private:
  struct Library;  // Keeps gRPC's headers out of ours.
  std::unique_ptr<Library> library_;
};

}  // namespace holdfast
