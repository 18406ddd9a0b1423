// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "worker/model_runner.h"

namespace holdfast {

// Pictures in their files' bytes. None at all: ModelRunner::RunSample() instead.
using Photos = std::vector<std::vector<std::uint8_t>>;

// What processes did that ran one model at the same time.
struct ForkedRuns {
  std::uint64_t images = 0;
  double images_per_second = 0;  // The sum of what each of them reached.
  double cpu_seconds = 0;        // Of all of them.
};

constexpr int kForkedRunsMax = 256;

// Classifies each photo once, so that nothing lazy is left, and one that cannot be classified is
// known: its error is given back.
Status WarmUp(ModelRunner& runner, const Photos& photos);

// Forks `processes` of this one, as a zygote forks workers: each classifies the photos in turn, as
// fast as it can, for `time`. kInternal when one of them did not come through, or where the threads
// of this process forbid a fork.
Result<ForkedRuns> RunForked(ModelRunner& runner, const Photos& photos, int processes,
                             Duration time);

}  // namespace holdfast
