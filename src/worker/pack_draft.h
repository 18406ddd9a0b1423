// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/model_config.h"
#include "model/model_key.h"
#include "tensor/signature.h"
#include "worker/pack.h"

namespace holdfast {

// A photo for a golden example as the command line gives it.
struct GoldenPhoto {
  std::filesystem::path photo;
  std::string expected;  // A number or a label; empty: what comes out.
};

// What is decided on the way from the options to the folder.
struct PackDraft {
  ModelKey key;
  ModelConfig config;
  std::vector<GoldenPhoto> golden;
  std::vector<std::string> notes;  // What the user should know of, one a line.
};

// Everything that can be judged before anything is written, all of it at once.
// Errors: kUsage, kNotFound, kBadModel, kAlreadyLoaded.
Result<PackDraft> MakeDraft(const PackOptions& options);

// Lets the graph's own input decide what it leaves no choice in: the layout, and the crop where the
// crop's size does not change what part of the picture is seen.
void AdaptToInput(const PackOptions& options, const TensorSpec& input, PackDraft& draft);

}  // namespace holdfast
