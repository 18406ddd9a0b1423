// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/reason.h"
#include "base/strong_id.h"
#include "base/time.h"
#include "ipc/description.h"
#include "ipc/message.h"

namespace holdfast {

// The bytes of one item, from whatever face it came. Either a part of the request's body, which
// outlives the call, or bytes that the face made (base64 decoded, numbers parsed).
class ItemBytes {
 public:
  static ItemBytes Borrow(ByteView bytes) {
    ItemBytes item;
    item.borrowed_ = bytes;
    return item;
  }
  static ItemBytes Own(std::vector<std::uint8_t> bytes) {
    ItemBytes item;
    item.owned_ = std::move(bytes);
    return item;
  }
  ByteView view() const { return owned_.empty() ? borrowed_ : ByteView(owned_); }

 private:
  std::vector<std::uint8_t> owned_;
  ByteView borrowed_;
};

// One image, or one float32 tensor of the servable's input (without its batch dimension).
struct InferenceItem {
  ItemKind kind = ItemKind::kEncodedImage;
  ItemBytes bytes;
  std::optional<std::uint32_t>
      expected_class;  // A golden example's: another answer is an invalid one.
};

// False for a tensor with NaN or infinity in it.
bool IsFinite(const InferenceItem& item);

// When an item was where.
struct ItemTimes {
  // With a worker that was lost before it had answered.
  struct LostAttempt {
    TimePoint dispatched;
    TimePoint lost;
  };
  TimePoint queued;
  TimePoint dispatched;  // To the worker that had it last; `queued` if there was none.
  TimePoint ended;
  std::vector<LostAttempt> lost;    // The earlier ones that another worker was asked after.
  std::uint32_t preprocess_us = 0;  // By the worker's own clock, as the next.
  std::uint32_t infer_us = 0;
};

// What became of one item: the model's raw output row, or why there is none.
struct ItemOutcome {
  Reason reason = Reason::kInternal;
  std::string detail;          // Why not kOk: fit for the client.
  Duration retry_after{0};     // When the reason is one to come back after.
  std::vector<float> scores;   // Logits or probabilities, as the servable's description says.
  std::uint32_t attempts = 0;  // Workers that began it.
  ItemTimes times;
};

// The class probabilities of an outcome: softmax where the model gives logits.
std::vector<float> Probabilities(const ServableDescription& servable, const ItemOutcome& outcome);

// What Triton calls the platform of a model that `engine` ("onnxruntime 1.28.0") runs.
std::string PlatformName(std::string_view engine);

// A class's name: its label, or its number where the model has no labels.
std::string LabelOf(const ServableDescription& servable, std::uint32_t index);

}  // namespace holdfast
