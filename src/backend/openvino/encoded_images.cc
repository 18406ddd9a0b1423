// SPDX-License-Identifier: Apache-2.0
#include "backend/openvino/encoded_images.h"

#include <cstdint>
#include <memory>
#include <openvino/frontend/tensorflow/extension/conversion.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/reshape.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

using ov::frontend::NodeContext;
using Outputs = ov::OutputVector;
using Converter = ov::frontend::CreatorFunction;

std::shared_ptr<ov::Node> Numbers(const std::vector<std::int32_t>& numbers) {
  return ov::op::v0::Constant::create(ov::element::i32, {numbers.size()}, numbers);
}
std::shared_ptr<ov::Node> Number(std::int32_t number) {
  return ov::op::v0::Constant::create(ov::element::i32, {}, {number});
}

// A node that gives its input of this place.
Converter Passes(int input) {
  return [input](const NodeContext& node) { return Outputs{node.get_input(input)}; };
}

// A node that gives one element of what was a list.
Converter Picks(int list, int place) {
  return [list, place](const NodeContext& node) {
    return std::make_shared<ov::op::v8::Gather>(node.get_input(list), node.get_input(place),
                                                Number(0))
        ->outputs();
  };
}

// Pixels are made by us: what the graph would have made must be the same.
void CheckChannels(const NodeContext& node) {
  const auto channels = node.get_attribute<std::int64_t>("channels", 0);
  if (channels == 0 || channels == 3) return;
  throw std::runtime_error("the graph decodes images to " + std::to_string(channels) +
                           " channels; 3 are served");
}

Outputs DecodeJpeg(const NodeContext& node, PictureRules& asked) {
  CheckChannels(node);
  if (node.get_attribute<std::int64_t>("ratio", 1) != 1) {
    throw std::runtime_error("the graph decodes JPEGs in a smaller size, which is not served");
  }
  asked.fast_jpeg = node.get_attribute<std::string>("dct_method", "") != "INTEGER_ACCURATE";
  return {node.get_input(0)};
}

Outputs DecodeAny(const NodeContext& node) {
  CheckChannels(node);
  const auto type = node.get_attribute<ov::element::Type>("dtype", ov::element::u8);
  if (type != ov::element::u8) {
    throw std::runtime_error("the graph decodes images to another type than uint8");
  }
  return {node.get_input(0)};
}

// --- Tensor arrays, of one element ---

// Its handle, which nothing looks at any more, and its content so far: flat, so that the loop that
// fills it sees the same rank in each round.
Outputs MakeArray(const NodeContext&) {
  return {Number(0), ov::op::v0::Constant::create(ov::element::f32, {1}, {0.0f})};
}

Outputs WriteArray(const NodeContext& node) {
  const int value = 2;
  return std::make_shared<ov::op::v1::Reshape>(node.get_input(value), Numbers({-1}), false)
      ->outputs();
}

Outputs GatherArray(const NodeContext& node) {
  const auto element = node.get_attribute<ov::PartialShape>("element_shape");
  if (element.is_dynamic()) {
    throw std::runtime_error("the graph does not say the size that it brings pictures to");
  }
  std::vector<std::int32_t> shape{1};
  for (const ov::Dimension& dim : element) {
    shape.push_back(static_cast<std::int32_t>(dim.get_length()));
  }
  const int content = 2;
  return std::make_shared<ov::op::v1::Reshape>(node.get_input(content), Numbers(shape), false)
      ->outputs();
}

Outputs SizeOfArray(const NodeContext&) { return {Number(1)}; }

}  // namespace

void LeaveOutDecoding(ov::frontend::FrontEnd& reader, PictureRules& asked) {
  const auto take = [&reader](const char* operation, Converter converter) {
    reader.add_extension(std::make_shared<ov::frontend::tensorflow::ConversionExtension>(
        operation, std::move(converter)));
  };
  take("DecodeJpeg", [&asked](const NodeContext& node) { return DecodeJpeg(node, asked); });
  take("DecodePng", DecodeAny);
  take("DecodeImage", DecodeAny);
  take("TensorListFromTensor", Passes(0));
  take("TensorListGetItem", Picks(0, 1));
  take("TensorArrayV3", MakeArray);
  take("TensorArrayScatterV3", Passes(2));
  take("TensorArrayReadV3", Picks(2, 1));
  take("TensorArrayWriteV3", WriteArray);
  take("TensorArrayGatherV3", GatherArray);
  take("TensorArraySizeV3", SizeOfArray);
}

}  // namespace holdfast
