// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "gateway/call/inference.h"
#include "gateway/call/parsed_call.h"
#include "tensor/signature.h"

namespace holdfast {

// Batches of tensors and of images, as binary protocols carry them, taken apart into items. Errors
// begin with `name`, what the client calls the tensor.

// How many items a tensor of `shape` holds: its first dimension, the others being those of `input`.
// kBadRequest for another shape and for a model that takes encoded images, kPayloadTooLarge above
// `items_max`, kNotImplemented where the input has free dimensions besides its batch, so that
// nobody can check.
Result<std::size_t> CountTensorItems(std::string_view name, std::span<const std::int64_t> shape,
                                     const TensorSpec& input, std::size_t items_max);

// How many images a tensor of strings holds: [N] or [N,1].
Result<std::size_t> CountImageItems(std::string_view name, std::span<const std::int64_t> shape,
                                    std::size_t items_max);

// `count` items from little-endian elements in C order: kFloat32 borrowed, kUint8 widened.
// kBadRequest where the bytes are not `count` times `input`'s.
Result<std::vector<InferenceItem>> SplitTensor(std::string_view name, ByteView elements,
                                               DType dtype, std::size_t count,
                                               const TensorSpec& input);

// `count` images from strings that each have their length in front, as 4 bytes, little-endian.
// Borrowed. kBadRequest where lengths and bytes disagree, kUnsupportedMedia for no image; both say
// which one.
tl::expected<std::vector<InferenceItem>, CallError> SplitImages(std::string_view name,
                                                                ByteView strings,
                                                                std::size_t count);

// One image of several; `name` says which. kUnsupportedMedia for no image.
Result<InferenceItem> ImageItem(std::string_view name, ItemBytes bytes);

}  // namespace holdfast
