// SPDX-License-Identifier: Apache-2.0
#include "gateway/call/tensor_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "gateway/call/image_format.h"

namespace holdfast {
namespace {

Result<std::size_t> CheckCount(std::string_view name, std::int64_t count, std::size_t items_max) {
  if (count < 1) return Error{Reason::kBadRequest, fmt::format("{} holds no item", name)};
  if (static_cast<std::uint64_t>(count) > items_max) {
    return Error{
        Reason::kPayloadTooLarge,
        fmt::format("{}: a batch of {}; at most {} in one request", name, count, items_max)};
  }
  return static_cast<std::size_t>(count);
}

std::uint32_t ReadLittleEndian32(ByteView bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

ItemBytes Widened(ByteView elements) {
  const std::vector<float> floats(elements.begin(), elements.end());
  std::vector<std::uint8_t> bytes(floats.size() * sizeof(float));
  std::memcpy(bytes.data(), floats.data(), bytes.size());
  return ItemBytes::Own(std::move(bytes));
}

}  // namespace

Result<std::size_t> CountTensorItems(std::string_view name, std::span<const std::int64_t> shape,
                                     const TensorSpec& input, std::size_t items_max) {
  const Shape item = ItemShape(input);
  if (input.dtype == DType::kString) {
    return Error{Reason::kBadRequest,
                 fmt::format("{}: this model takes encoded images, not tensors", name)};
  }
  if (std::ranges::count(item, kAnyDim) > 0) {
    return Error{Reason::kNotImplemented,
                 fmt::format("{}: this model's input {} has free dimensions; send encoded images",
                             name, FormatShape(item))};
  }
  if (shape.size() != item.size() + 1 || !std::equal(item.begin(), item.end(), shape.begin() + 1)) {
    Shape expected = item;
    expected.insert(expected.begin(), kAnyDim);
    return Error{Reason::kBadRequest, fmt::format("{} has the shape {}; expected {}", name,
                                                  FormatShape(shape), FormatShape(expected))};
  }
  return CheckCount(name, shape.front(), items_max);
}

Result<std::size_t> CountImageItems(std::string_view name, std::span<const std::int64_t> shape,
                                    std::size_t items_max) {
  const bool fits = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
  if (!fits) {
    return Error{Reason::kBadRequest,
                 fmt::format("{} has the shape {}; expected [N], one string an image", name,
                             FormatShape(shape))};
  }
  return CheckCount(name, shape.front(), items_max);
}

Result<std::vector<InferenceItem>> SplitTensor(std::string_view name, ByteView elements,
                                               DType dtype, std::size_t count,
                                               const TensorSpec& input) {
  const std::size_t item_bytes =
      ElementCount(ItemShape(input)).value_or(0) * DTypeSize(dtype);  // Without overflow: loaded.
  if (item_bytes == 0 || elements.size() != item_bytes * count) {
    return Error{Reason::kBadRequest,
                 fmt::format("{} has {} bytes; {} items of {} bytes were announced", name,
                             elements.size(), count, item_bytes)};
  }
  std::vector<InferenceItem> items;
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView item = elements.subspan(i * item_bytes, item_bytes);
    items.push_back(
        {ItemKind::kTensor, dtype == DType::kUint8 ? Widened(item) : ItemBytes::Borrow(item)});
  }
  return items;
}

tl::expected<std::vector<InferenceItem>, CallError> SplitImages(std::string_view name,
                                                                ByteView strings,
                                                                std::size_t count) {
  std::vector<InferenceItem> items;
  const auto refuse = [&](Error error, std::optional<std::size_t> item) {
    return tl::make_unexpected(CallError{std::move(error), item, false});
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (strings.size() < 4 || ReadLittleEndian32(strings) > strings.size() - 4) {
      return refuse({Reason::kBadRequest,
                     fmt::format("{}[{}] goes beyond the end of the tensor's bytes", name, i)},
                    i);
    }
    const ByteView image = strings.subspan(4, ReadLittleEndian32(strings));
    auto item = ImageItem(fmt::format("{}[{}]", name, i), ItemBytes::Borrow(image));
    if (!item) return refuse(std::move(item).error(), i);
    items.push_back(*std::move(item));
    strings = strings.subspan(4 + image.size());
  }
  if (!strings.empty()) {
    return refuse({Reason::kBadRequest, fmt::format("{} has {} bytes beyond its {} strings", name,
                                                    strings.size(), count)},
                  std::nullopt);
  }
  return items;
}

Result<InferenceItem> ImageItem(std::string_view name, ItemBytes bytes) {
  if (!LooksLikeImage(bytes.view())) return NoImageError(name);
  return InferenceItem{ItemKind::kEncodedImage, std::move(bytes)};
}

}  // namespace holdfast
