// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/time.h"

namespace holdfast {

// What a version has done since it was loaded, for the statistics calls of Triton's clients.
struct InferenceStatistics {
  struct Total {
    std::uint64_t count = 0;
    Duration time{0};
    void Add(Duration one) {
      ++count;
      time += one;
    }
  };
  Total success;  // Requests, from their submission to their outcome.
  Total fail;
  Total queue;  // Items, by stage.
  Total preprocess;
  Total infer;
  std::uint64_t last_inference_unix_ms = 0;  // 0: none yet.
};

}  // namespace holdfast
