// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "backend/picture_rules.h"
#include "tensor/signature.h"

namespace holdfast {

// What libholdfast_openvino.so gives: the only code that is linked with OpenVINO. It is opened when
// the first model needs it, so that other workers do not pay for it. It links nothing of ours, and
// only vtables cross its border. All of its calls throw std::exception.
class OpenVinoGraph {
 public:
  virtual ~OpenVinoGraph() = default;

  // As the file declares them; what the batch leaves open is kAnyDim. Outputs of element types that
  // we have no name for are left out.
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;

  // Before Run: readies the graph for one item, to give the output of this place among outputs().
  virtual void Compile(std::size_t output) = 0;
  // `input` has the elements and the type of inputs()[0], `output` the floats of a row of scores.
  virtual void Run(const void* input, float* output) = 0;

  // Where the file's input is encoded images: how it decodes them. Decoding is left out of the
  // graph then, and what it gets is one decoded picture; inputs()[0] is still as the file declares
  // it.
  virtual const std::optional<PictureRules>& pictures() const = 0;
  virtual void RunPicture(const std::uint8_t* rgb, std::size_t width, std::size_t height,
                          float* output) = 0;
};

class OpenVinoModule {
 public:
  virtual ~OpenVinoModule() = default;
  // A .onnx, .tflite or .xml file, or the folder of a saved_model.pb.
  virtual std::unique_ptr<OpenVinoGraph> Read(const std::filesystem::path& model) = 0;
};

// The one function that the library exports, under this name. The caller owns what it returns.
constexpr const char* kOpenVinoModuleSymbol = "HoldfastOpenOpenVino";
using OpenOpenVino = OpenVinoModule* (*)();

}  // namespace holdfast
