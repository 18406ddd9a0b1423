// SPDX-License-Identifier: Apache-2.0
#include "backend/openvino/openvino_module.h"

#include <openvino/frontend/manager.hpp>
#include <openvino/openvino.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "backend/openvino/encoded_images.h"

namespace holdfast {
namespace {

std::optional<DType> FromOpenVino(const ov::element::Type& type) {
  if (type == ov::element::f32) return DType::kFloat32;
  if (type == ov::element::u8) return DType::kUint8;
  if (type == ov::element::i8) return DType::kInt8;
  if (type == ov::element::i32) return DType::kInt32;
  if (type == ov::element::i64) return DType::kInt64;
  if (type == ov::element::f16) return DType::kFloat16;
  return std::nullopt;
}

Shape ShapeOf(const ov::PartialShape& partial) {
  Shape shape;
  if (partial.rank().is_dynamic()) return shape;
  for (const ov::Dimension& dim : partial) {
    shape.push_back(dim.is_static() ? dim.get_length() : kAnyDim);
  }
  return shape;
}

// The name that the file's signature gives: readers give it to the port's node. The tensor may have
// others besides, of the graph; where none of them is the node's, the first by name.
template <class Port>
std::string NameOf(const Port& port) {
  const std::string& of_node = port.get_node()->get_friendly_name();
  const bool known = port.get_names().empty() || port.get_names().contains(of_node);
  return known ? of_node : port.get_any_name();
}

class Graph final : public OpenVinoGraph {
 public:
  // `strings`: the file's input, where it is encoded images; the model's is a picture then.
  Graph(ov::Core& core, std::shared_ptr<ov::Model> model, std::optional<TensorSpec> strings = {},
        std::optional<PictureRules> pictures = {})
      : core_(core), model_(std::move(model)), pictures_(pictures) {
    if (strings) inputs_.push_back(*std::move(strings));
    for (const auto& port : std::as_const(*model_).inputs()) {
      if (pictures_) break;
      const std::string name = NameOf(port);
      const auto dtype = FromOpenVino(port.get_element_type());
      if (!dtype) {
        throw std::runtime_error(name + " has an element type that is not served: " +
                                 port.get_element_type().get_type_name());
      }
      inputs_.push_back({name, *dtype, ShapeOf(port.get_partial_shape())});
    }
    const bool open = pictures_ || FixBatch();
    const auto ports = std::as_const(*model_).outputs();
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const auto dtype = FromOpenVino(ports[i].get_element_type());
      if (!dtype) continue;
      Shape shape = ShapeOf(ports[i].get_partial_shape());
      if (open && !shape.empty() && shape[0] == 1) shape[0] = kAnyDim;
      outputs_.push_back({NameOf(ports[i]), *dtype, std::move(shape)});
      places_.push_back(i);
    }
  }

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }

  void Compile(std::size_t output) override {
    // With one output alone, what only others need is not computed.
    const ov::Output<ov::Node> kept = model_->get_results().at(places_.at(output))->input_value(0);
    const auto served =
        std::make_shared<ov::Model>(ov::OutputVector{kept}, model_->get_parameters());
    model_.reset();
    // Pinning would send every worker of a zygote to the same core, and needs sched_setaffinity,
    // which a worker's sandbox does not allow.
    ov::AnyMap settings{ov::inference_num_threads(1), ov::num_streams(1),
                        ov::hint::enable_cpu_pinning(false),
                        ov::hint::inference_precision(ov::element::f32),
                        ov::hint::execution_mode(ov::hint::ExecutionMode::ACCURACY)};
    // What the library makes for a picture's size it keeps: by default for 5000 sizes, in each
    // worker.
    if (pictures_) settings["CPU_RUNTIME_CACHE_CAPACITY"] = 16;
    ov::CompiledModel compiled = core_.compile_model(served, "CPU", settings);
    request_ = compiled.create_infer_request();
    input_type_ = compiled.input().get_element_type();
    if (!pictures_) input_shape_ = compiled.input().get_shape();
    output_shape_ = compiled.output().get_shape();
  }

  void Run(const void* input, float* output) override {
    // The library takes a mutable pointer for inputs too, and does not write to them.
    request_.set_input_tensor({input_type_, input_shape_, const_cast<void*>(input)});
    request_.set_output_tensor({ov::element::f32, output_shape_, output});
    request_.infer();
  }

  const std::optional<PictureRules>& pictures() const override { return pictures_; }
  void RunPicture(const std::uint8_t* rgb, std::size_t width, std::size_t height,
                  float* output) override {
    input_shape_ = {1, height, width, 3};
    Run(rgb, output);
  }

 private:
  // Makes an open batch dimension 1, so that all shapes behind it are known. Whether it was open.
  bool FixBatch() {
    if (inputs_.size() != 1 || inputs_[0].shape.empty() || inputs_[0].shape[0] != kAnyDim) {
      return false;
    }
    ov::PartialShape shape = model_->input().get_partial_shape();
    shape[0] = 1;
    model_->reshape(shape);
    return true;
  }

  ov::Core& core_;
  std::shared_ptr<ov::Model> model_;  // Until it is compiled.
  std::optional<PictureRules> pictures_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
  std::vector<std::size_t> places_;  // Of outputs_ among the model's results.
  ov::InferRequest request_;
  ov::element::Type input_type_;
  ov::Shape input_shape_;
  ov::Shape output_shape_;
};

class Module final : public OpenVinoModule {
 public:
  std::unique_ptr<OpenVinoGraph> Read(const std::filesystem::path& model) override {
    if (std::filesystem::is_directory(model)) return ReadTensorFlow(model);
    return std::make_unique<Graph>(core_, core_.read_model(model.string()));
  }

 private:
  // A SavedModel. What the reader is taught for encoded images would change how it reads others.
  std::unique_ptr<OpenVinoGraph> ReadTensorFlow(const std::filesystem::path& model) {
    const auto reader = readers_.load_by_framework("tf");
    const auto file = reader->load(model.string());
    const auto inputs = file->get_inputs();
    const bool strings =
        inputs.size() == 1 && file->get_element_type(inputs[0]) == ov::element::string;
    if (!strings) return std::make_unique<Graph>(core_, reader->convert(file));

    const ov::PartialShape declared = file->get_partial_shape(inputs[0]);
    PictureRules pictures;
    const auto taught = readers_.load_by_framework("tf");
    LeaveOutDecoding(*taught, pictures);
    const auto again = taught->load(model.string());
    const auto input = again->get_inputs().at(0);
    again->set_element_type(input, ov::element::u8);
    again->set_partial_shape(input, {1, ov::Dimension::dynamic(), ov::Dimension::dynamic(), 3});
    const auto converted = taught->convert(again);
    const TensorSpec spec{NameOf(std::as_const(*converted).input()), DType::kString,
                          ShapeOf(declared)};
    return std::make_unique<Graph>(core_, converted, spec, pictures);
  }

  ov::frontend::FrontEndManager readers_;
  ov::Core core_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) OpenVinoModule* HoldfastOpenOpenVino() {
  return std::make_unique<Module>().release();
}

}  // namespace holdfast
