// SPDX-License-Identifier: Apache-2.0
#include "tensor/shape.h"

#include <array>

namespace holdfast {
namespace {

struct DTypeEntry {
  DType dtype;
  std::string_view name;
  std::string_view tensorflow;
  std::string_view inference_protocol;
  std::size_t size;
};

constexpr std::array kDTypes{
    DTypeEntry{DType::kFloat32, "float32", "DT_FLOAT", "FP32", 4},
    DTypeEntry{DType::kUint8, "uint8", "DT_UINT8", "UINT8", 1},
    DTypeEntry{DType::kInt8, "int8", "DT_INT8", "INT8", 1},
    DTypeEntry{DType::kInt32, "int32", "DT_INT32", "INT32", 4},
    DTypeEntry{DType::kInt64, "int64", "DT_INT64", "INT64", 8},
    DTypeEntry{DType::kFloat16, "float16", "DT_HALF", "FP16", 2},
    DTypeEntry{DType::kString, "string", "DT_STRING", "BYTES", 0},
};

const DTypeEntry& Entry(DType dtype) { return kDTypes.at(static_cast<std::size_t>(dtype)); }

}  // namespace

std::string_view DTypeName(DType dtype) { return Entry(dtype).name; }
std::string_view TensorFlowDTypeName(DType dtype) { return Entry(dtype).tensorflow; }
std::string_view InferenceProtocolDTypeName(DType dtype) { return Entry(dtype).inference_protocol; }
std::size_t DTypeSize(DType dtype) { return Entry(dtype).size; }

std::optional<DType> DTypeFromName(std::string_view name) {
  for (const DTypeEntry& entry : kDTypes) {
    if (entry.name == name) return entry.dtype;
  }
  return std::nullopt;
}

std::optional<std::size_t> ElementCount(std::span<const std::int64_t> shape) {
  std::size_t count = 1;
  for (const std::int64_t dim : shape) {
    if (dim == kAnyDim) continue;
    if (dim < 0) return std::nullopt;
    if (__builtin_mul_overflow(count, static_cast<std::size_t>(dim), &count)) return std::nullopt;
  }
  return count;
}

std::string FormatShape(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t dim : shape) {
    if (text.size() > 1) text += ',';
    text += dim == kAnyDim ? "N" : std::to_string(dim);
  }
  return text + ']';
}

}  // namespace holdfast
