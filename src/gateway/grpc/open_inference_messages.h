// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "gateway/call/inference_statistics.h"
#include "gateway/call/parsed_call.h"
#include "inference.pb.h"
#include "model/servable_status.h"

namespace holdfast {

// The Open Inference Protocol's gRPC messages, to items and from outcomes. Items borrow from the
// request, which must outlive them.

// One input: the model's own, or "image" with encoded images (BYTES), raw or typed, not a mix.
// kBadRequest, kPayloadTooLarge, kUnsupportedMedia.
CallResult ParseInfer(const inference::ModelInferRequest& request,
                      const ServableDescription& servable, std::size_t items_max);

// The output tensor goes into raw_output_contents, as Triton does.
void FillInfer(const ParsedCall& call, const ServableDescription& servable,
               const std::vector<ItemOutcome>& outcomes, inference::ModelInferResponse& response);

void FillServerMetadata(inference::ServerMetadataResponse& response);
void FillModelMetadata(const ServableDescription& servable,
                       const std::vector<std::int64_t>& versions,
                       inference::ModelMetadataResponse& response);
void FillModelConfig(const ServableDescription& servable, std::size_t workers,
                     inference::ModelConfigResponse& response);
void FillStatistics(const std::vector<std::pair<ModelKey, InferenceStatistics>>& servables,
                    inference::ModelStatisticsResponse& response);
void FillIndex(const std::vector<ServableStatus>& versions, bool ready_only,
               inference::RepositoryIndexResponse& response);

}  // namespace holdfast
