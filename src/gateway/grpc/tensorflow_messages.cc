// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/tensorflow_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "gateway/call/bad_request.h"
#include "gateway/call/class_text.h"
#include "gateway/call/signatures.h"
#include "gateway/call/tensor_items.h"
#include "gateway/grpc/message_bytes.h"

namespace holdfast {
namespace {

namespace serving = tensorflow::serving;

tensorflow::DataType TensorFlowDType(DType dtype) {
  tensorflow::DataType type = tensorflow::DT_INVALID;
  return tensorflow::DataType_Parse(std::string(TensorFlowDTypeName(dtype)), &type)
             ? type
             : tensorflow::DT_INVALID;
}

Shape ShapeOf(const tensorflow::TensorProto& tensor) {
  Shape shape;
  for (const auto& dimension : tensor.tensor_shape().dim()) shape.push_back(dimension.size());
  return shape;
}

// Why `signature` cannot be asked: it is none of ours.
std::optional<CallError> RefuseSignature(const std::string& signature) {
  if (signature.empty() || signature == kServingDefault || signature == kServingBytes) return {};
  return CallError{BadRequest(fmt::format("unknown signature; this model has {} and {}",
                                          kServingDefault, kServingBytes)),
                   std::nullopt, true};
}

// The bytes of `count` items from a list of numbers whose last one repeats.
template <class Numbers>
Result<std::vector<InferenceItem>> ItemsFromList(const std::string& name, const Numbers& numbers,
                                                 std::size_t count, const TensorSpec& input) {
  const std::size_t item_numbers = ElementCount(ItemShape(input)).value_or(0);
  const auto given = static_cast<std::size_t>(numbers.size());
  if (given == 0 || given > count * item_numbers) {
    return BadRequest(
        fmt::format("{} has {} values; its shape has {}", name, given, count * item_numbers));
  }
  std::vector<InferenceItem> items;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<std::uint8_t> bytes(item_numbers * sizeof(float));
    for (std::size_t j = 0; j < item_numbers; ++j) {
      const std::size_t at = std::min(i * item_numbers + j, given - 1);
      const auto number = static_cast<float>(numbers.Get(static_cast<int>(at)));
      std::memcpy(bytes.data() + j * sizeof number, &number, sizeof number);
    }
    items.push_back({ItemKind::kTensor, ItemBytes::Own(std::move(bytes))});
  }
  return items;
}

CallResult TensorItems(const std::string& name, const tensorflow::TensorProto& tensor,
                       const TensorSpec& input, std::size_t items_max) {
  if (tensor.dtype() != TensorFlowDType(input.dtype)) {
    return BadRequest(fmt::format("input \"{}\" has the type {}; the model's is {}", name,
                                  tensorflow::DataType_Name(tensor.dtype()),
                                  TensorFlowDTypeName(input.dtype)));
  }
  const std::size_t count = TRY(CountTensorItems(name, ShapeOf(tensor), input, items_max));
  ParsedCall call;
  if (!tensor.tensor_content().empty()) {
    call.items =
        TRY(SplitTensor(name, BytesOf(tensor.tensor_content()), input.dtype, count, input));
  } else if (input.dtype == DType::kFloat32) {
    call.items = TRY(ItemsFromList(name, tensor.float_val(), count, input));
  } else {
    call.items = TRY(ItemsFromList(name, tensor.int_val(), count, input));
  }
  return call;
}

CallResult ImageItems(const std::string& name, const tensorflow::TensorProto& tensor,
                      std::size_t items_max) {
  if (tensor.dtype() != tensorflow::DT_STRING) {
    return BadRequest(fmt::format("input \"{}\" has the type {}; encoded images are DT_STRING",
                                  name, tensorflow::DataType_Name(tensor.dtype())));
  }
  Shape shape = ShapeOf(tensor);
  if (shape.empty()) shape = {1};  // A scalar is one image.
  const std::size_t count = TRY(CountImageItems(name, shape, items_max));
  const auto given = static_cast<std::size_t>(tensor.string_val_size());
  if (given != count)
    return BadRequest(fmt::format("{} has {} strings; its shape {}", name, given, count));
  ParsedCall call;
  for (std::size_t i = 0; i < count; ++i) {
    auto item = ImageItem(fmt::format("{}[{}]", name, i),
                          ItemBytes::Borrow(BytesOf(tensor.string_val(static_cast<int>(i)))));
    if (!item) return CallError{std::move(item).error(), i, false};
    call.items.push_back(*std::move(item));
  }
  return call;
}

// The feature of an example that is ours.
Result<InferenceItem> ExampleItem(const std::string& name, const tensorflow::Example& example,
                                  const TensorSpec& input) {
  for (const auto& [key, feature] : example.features().feature()) {
    if (key == kImageInput || (key == input.name && feature.has_bytes_list())) {
      if (feature.bytes_list().value_size() != 1) {
        return BadRequest(fmt::format("{}: \"{}\" needs one image's bytes", name, key));
      }
      return ImageItem(name, ItemBytes::Borrow(BytesOf(feature.bytes_list().value(0))));
    }
    if (key == input.name && input.dtype != DType::kString) {
      const std::size_t numbers = ElementCount(ItemShape(input)).value_or(0);
      if (static_cast<std::size_t>(feature.float_list().value_size()) != numbers) {
        return BadRequest(fmt::format("{}: \"{}\" has {} floats; the model's input has {}", name,
                                      key, feature.float_list().value_size(), numbers));
      }
      auto items = TRY(ItemsFromList(name, feature.float_list().value(), 1, input));
      return std::move(items.front());
    }
  }
  return BadRequest(fmt::format("{} has no feature \"{}\"", name, kImageInput));
}

void FillSpec(const ServableDescription& servable, std::string_view signature,
              serving::ModelSpec& spec) {
  spec.set_name(servable.key.name);
  spec.mutable_version()->set_value(servable.key.version);
  spec.set_signature_name(std::string(signature.empty() ? kServingDefault : signature));
}

void FillTensorInfo(const TensorSpec& spec, tensorflow::TensorInfo& info) {
  info.set_name(spec.name);
  info.set_dtype(TensorFlowDType(spec.dtype));
  for (std::size_t i = 0; i < spec.shape.size(); ++i) {
    info.mutable_tensor_shape()->add_dim()->set_size(i == 0 ? kAnyDim : spec.shape[i]);
  }
}

}  // namespace

CallResult ParsePredict(const serving::PredictRequest& request, const ServableDescription& servable,
                        std::size_t items_max) {
  const std::string& signature = request.model_spec().signature_name();
  if (auto refusal = RefuseSignature(signature)) return *std::move(refusal);
  const TensorSpec& input = servable.signature.input;
  if (request.inputs().size() != 1) {
    return BadRequest(fmt::format("one input is expected, {} came; {}", request.inputs().size(),
                                  InputNames(input)));
  }
  for (const std::string& output : request.output_filter()) {
    if (output != servable.signature.output.name) {
      return BadRequest("output_filter names an output that the model has not: its own is \"" +
                        servable.signature.output.name + '"');
    }
  }
  const auto& [name, tensor] = *request.inputs().begin();
  if (name != kImageInput && name != input.name) {
    return BadRequest("there is no such input; " + InputNames(input));
  }
  // Encoded images are also taken under the input's own name, as the REST interface does.
  const bool images = name != input.name || tensor.dtype() == tensorflow::DT_STRING;
  if (signature == kServingBytes && !images) {
    return BadRequest(fmt::format("{} takes encoded images", kServingBytes));
  }
  CallResult call =
      images ? ImageItems(name, tensor, items_max) : TensorItems(name, tensor, input, items_max);
  if (call) call->form = AnswerForm::kRowTensors;
  return call;
}

CallResult ParseClassify(const serving::ClassificationRequest& request,
                         const ServableDescription& servable, std::size_t items_max) {
  if (auto refusal = RefuseSignature(request.model_spec().signature_name())) {
    return *std::move(refusal);
  }
  const auto& examples = request.input().has_example_list_with_context()
                             ? request.input().example_list_with_context().examples()
                             : request.input().example_list().examples();
  if (examples.empty()) return BadRequest("the input has no examples");
  if (static_cast<std::size_t>(examples.size()) > items_max) {
    return Error{Reason::kPayloadTooLarge,
                 fmt::format("{} examples; at most {} in one request", examples.size(), items_max)};
  }
  ParsedCall call;
  call.form = AnswerForm::kClassifyResult;
  for (int i = 0; i < examples.size(); ++i) {
    auto item =
        ExampleItem(fmt::format("examples[{}]", i), examples.Get(i), servable.signature.input);
    if (!item) return CallError{std::move(item).error(), static_cast<std::size_t>(i), false};
    call.items.push_back(*std::move(item));
  }
  return call;
}

void FillPredict(const ServableDescription& servable, const std::vector<ItemOutcome>& outcomes,
                 std::string_view signature, serving::PredictResponse& response) {
  FillSpec(servable, signature, *response.mutable_model_spec());
  tensorflow::TensorProto& tensor = (*response.mutable_outputs())[servable.signature.output.name];
  tensor.set_dtype(tensorflow::DT_FLOAT);
  tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<std::int64_t>(outcomes.size()));
  tensor.mutable_tensor_shape()->add_dim()->set_size(
      static_cast<std::int64_t>(outcomes.front().scores.size()));
  for (const ItemOutcome& outcome : outcomes) {
    tensor.mutable_float_val()->Add(outcome.scores.begin(), outcome.scores.end());
  }
}

void FillClassify(const ServableDescription& servable, const std::vector<ItemOutcome>& outcomes,
                  std::string_view signature, serving::ClassificationResponse& response) {
  FillSpec(servable, signature, *response.mutable_model_spec());
  for (const ItemOutcome& outcome : outcomes) {
    auto& classes = *response.mutable_result()->add_classifications();
    const auto all = static_cast<std::uint32_t>(outcome.scores.size());
    for (const ClassScore& ranked : Best(servable, outcome, all)) {
      auto& one = *classes.add_classes();
      one.set_label(LabelOf(servable, ranked.index));
      one.set_score(ranked.probability);
    }
  }
}

void FillMetadata(const ServableDescription& servable,
                  serving::GetModelMetadataResponse& response) {
  FillSpec(servable, "", *response.mutable_model_spec());
  response.mutable_model_spec()->clear_signature_name();
  serving::SignatureDefMap signatures;
  const TensorSpec image{std::string(kImageInput), DType::kString, {kAnyDim}};
  const auto add = [&](std::string_view name, const TensorSpec& input) {
    auto& signature = (*signatures.mutable_signature_def())[std::string(name)];
    FillTensorInfo(input, (*signature.mutable_inputs())[input.name]);
    FillTensorInfo(servable.signature.output,
                   (*signature.mutable_outputs())[servable.signature.output.name]);
    signature.set_method_name("tensorflow/serving/predict");
  };
  add(kServingDefault, servable.signature.input);
  add(kServingBytes, image);
  (*response.mutable_metadata())["signature_def"].PackFrom(signatures);
}

void FillStatus(const std::vector<ServableStatus>& versions,
                serving::GetModelStatusResponse& response) {
  for (const ServableStatus& version : versions) {
    auto& status = *response.add_model_version_status();
    status.set_version(version.key.version);
    constexpr std::array kStates{
        serving::ModelVersionStatus::LOADING, serving::ModelVersionStatus::AVAILABLE,
        serving::ModelVersionStatus::UNLOADING, serving::ModelVersionStatus::END};
    status.set_state(kStates.at(static_cast<std::size_t>(version.state)));
    status.mutable_status()->set_error_code(
        static_cast<tensorflow::error::Code>(Describe(version.reason).grpc));
    status.mutable_status()->set_error_message(version.message);
  }
}

}  // namespace holdfast
