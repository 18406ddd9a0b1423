// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tensor/preprocessing.h"
#include "tensor/signature.h"

namespace holdfast {

// Of a model.toml.
constexpr std::size_t kModelTomlBytesMax = KiB(256);

enum class OutputKind { kLogits, kProbabilities };

// A photo and the class that the model gives it: proof that the right model is loaded rightly.
struct GoldenExample {
  std::string file;  // Relative to the servable's folder.
  std::uint32_t expected_class = 0;
  bool operator==(const GoldenExample&) const = default;
};

// What a model.toml says. Every field has a default, so that a bare ONNX file can be served.
struct ModelConfig {
  std::string engine = "auto";  // "auto", "onnxruntime", "openvino", "fake".
  std::string file = "model.onnx";
  std::string labels_file;  // Empty: classes are named by their number.
  std::string description;
  OutputKind output = OutputKind::kLogits;
  Preprocessing preprocessing;
  Signature signature;  // Empty names: as the model file says.
  std::vector<GoldenExample> golden;
  std::map<std::string, std::string> sha256;  // File → lower-case hexadecimal digest.
  bool operator==(const ModelConfig&) const = default;
};

// One thing that is wrong with a file, and where.
struct Problem {
  std::string where;  // "model.toml:12" or a file's name.
  std::string what;
};

// Parses a model.toml. All problems at once; unknown keys are problems that name the nearest one.
tl::expected<ModelConfig, std::vector<Problem>> ParseModelConfig(std::string_view toml,
                                                                 std::string_view file_name);
// The inverse: a model.toml that people can read and edit.
std::string FormatModelConfig(const ModelConfig& config);

}  // namespace holdfast
