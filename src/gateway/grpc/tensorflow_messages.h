// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/call/parsed_call.h"
#include "model/servable_status.h"
#include "tensorflow_serving.pb.h"

namespace holdfast {

// TensorFlow Serving's gRPC messages, to items and from outcomes. Items borrow from the request,
// which must outlive them.

// One input: the model's own, or "image" with encoded images (DT_STRING), in tensor_content or in
// the list of its type, whose last value repeats. kBadRequest, kPayloadTooLarge, kUnsupportedMedia;
// an unknown signature is a precondition that fails.
CallResult ParsePredict(const tensorflow::serving::PredictRequest& request,
                        const ServableDescription& servable, std::size_t items_max);

// Examples with one feature that is the image (its bytes) or the model's input (its floats).
CallResult ParseClassify(const tensorflow::serving::ClassificationRequest& request,
                         const ServableDescription& servable, std::size_t items_max);

// The scores, as the model gives them.
void FillPredict(const ServableDescription& servable, const std::vector<ItemOutcome>& outcomes,
                 std::string_view signature, tensorflow::serving::PredictResponse& response);

// All classes of each item, the most probable first.
void FillClassify(const ServableDescription& servable, const std::vector<ItemOutcome>& outcomes,
                  std::string_view signature,
                  tensorflow::serving::ClassificationResponse& response);

void FillMetadata(const ServableDescription& servable,
                  tensorflow::serving::GetModelMetadataResponse& response);

void FillStatus(const std::vector<ServableStatus>& versions,
                tensorflow::serving::GetModelStatusResponse& response);

}  // namespace holdfast
