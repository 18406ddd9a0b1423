// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "gateway/grpc/loop_calls.h"

namespace holdfast {

// inference.GRPCInferenceService.
std::unique_ptr<grpc::Service> MakeOpenInferenceService(GrpcGateway gateway);

}  // namespace holdfast
