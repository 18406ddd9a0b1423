// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

enum class DType : std::uint32_t { kFloat32, kUint8, kInt8, kInt32, kInt64, kFloat16, kString };

// The name that ONNX-minded people use ("float32"), and its inverse.
std::string_view DTypeName(DType dtype);
std::optional<DType> DTypeFromName(std::string_view name);
// TensorFlow's and the Open Inference Protocol's spellings: "DT_FLOAT", "FP32".
std::string_view TensorFlowDTypeName(DType dtype);
std::string_view InferenceProtocolDTypeName(DType dtype);
// Bytes of one element; 0 for kString, whose elements differ.
std::size_t DTypeSize(DType dtype);

// Dimensions, outermost first. kAnyDim stands for one that the caller chooses (the batch).
using Shape = std::vector<std::int64_t>;
constexpr std::int64_t kAnyDim = -1;

// Elements of `shape`, its kAnyDim entries counted as 1; nothing on overflow or a negative size.
std::optional<std::size_t> ElementCount(std::span<const std::int64_t> shape);
std::string FormatShape(std::span<const std::int64_t> shape);  // "[N,3,224,224]"

}  // namespace holdfast
