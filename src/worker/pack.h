// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/model_config.h"
#include "worker/command_streams.h"

namespace holdfast {

class Backend;

// What `holdfast pack` is asked for.
struct PackOptions {
  std::filesystem::path model_file;
  std::filesystem::path repository;     // NAME/VERSION/ is made in it; made if it is missing.
  std::string name;                     // Empty: the ONNX file's name without its extension.
  std::optional<std::int64_t> version;  // None: one more than the highest that is there.
  std::filesystem::path labels_file;    // One label a line. Empty: classes are named by number.
  std::string preset = "torchvision";   // One of PreprocessingPresetNames().
  // Single changes to the preset, "KEY=VALUE" with the keys of model.toml's [preprocessing]:
  // "resize=232", "crop=260,260", "geometry=stretch", "mean=0.5,0.5,0.5".
  std::vector<std::string> preprocessing;
  std::optional<OutputKind> output;  // None: found out by running the model.
  // "PHOTO" or "PHOTO=CLASS", CLASS a number or a label. Without a class the model's own first
  // answer is recorded.
  std::vector<std::string> golden;
  std::string description;
  bool force = false;  // Replaces a version that is there.
};

// Makes a servable folder from a model file, loads and runs it, and only then moves it to its place
// in one step. Prints what it did, or one line that says why not. Returns the exit code.
int Pack(const PackOptions& options, std::span<Backend* const> backends,
         const CommandStreams& streams = {});

}  // namespace holdfast
