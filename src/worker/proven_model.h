// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/result.h"
#include "base/time.h"
#include "image/limits.h"
#include "worker/model_runner.h"

namespace holdfast {

// A model that has answered all its golden examples rightly, or one sample where it has none: what
// is lazy in an engine has happened.
struct ProvenModel {
  ModelRunner runner;
  Duration service{};  // Of the last of these answers.
};

// Loads and proves one. With a `cache` by the graph that it keeps or makes; one that has changed on
// the disk, cannot be loaded or answers a golden example wrongly is discarded, and the model's file
// is loaded instead. Errors are ModelRunner::Load()'s and CheckGolden()'s.
Result<ProvenModel> LoadProven(const Servable& servable, std::span<Backend* const> backends,
                               const ImageLimits& limits, const GraphCache* cache);

}  // namespace holdfast
