// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/grpc/loop_calls.h"
#include "inference.pb.h"

namespace holdfast {

// ModelStreamInfer: several requests of a stream are worked on at once, and answered in their
// order. It ends when the client has sent its last request and got its last answer.
grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>*
StartInferenceStream(GrpcGateway gateway, const grpc::CallbackServerContext& context);

// The call that a request of the Open Inference Protocol asks for; `request` must outlive it.
Result<ModelCall> CallFrom(const inference::ModelInferRequest& request);

}  // namespace holdfast
