// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>
#include <vector>

#include "gateway/grpc/loop_calls.h"

namespace holdfast {

// tensorflow.serving.PredictionService and ModelService.
std::vector<std::unique_ptr<grpc::Service>> MakeTensorFlowServices(GrpcGateway gateway);

}  // namespace holdfast
