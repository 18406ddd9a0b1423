// SPDX-License-Identifier: Apache-2.0
#include "backend/onnxruntime/onnx_backend.h"

#include <fmt/format.h>
#include <onnxruntime_cxx_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <vector>

#include "backend/byte_pixels.h"
#include "backend/library_call.h"
#include "backend/onnxruntime/external_files.h"
#include "backend/served_tensors.h"
#include "base/check.h"

namespace holdfast {

struct OnnxBackend::Environment {
  Ort::Env env{ORT_LOGGING_LEVEL_ERROR, "holdfast"};
};

namespace {

std::optional<DType> FromOnnx(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return DType::kFloat32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return DType::kUint8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
      return DType::kInt8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return DType::kInt32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return DType::kInt64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return DType::kFloat16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING:
      return DType::kString;
    default:
      return std::nullopt;
  }
}

Result<TensorSpec> Describe(const char* name, const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
    return Error{Reason::kBadModel, fmt::format("{} is no tensor", name)};
  }
  const auto tensor = type.GetTensorTypeAndShapeInfo();
  const std::optional<DType> dtype = FromOnnx(tensor.GetElementType());
  if (!dtype) {
    return Error{Reason::kBadModel, fmt::format("{} has an element type that is not served "
                                                "(ONNX's number {})",
                                                name, static_cast<int>(tensor.GetElementType()))};
  }
  Shape shape = tensor.GetShape();
  for (std::int64_t& dim : shape) {
    if (dim < 0) dim = kAnyDim;
  }
  return TensorSpec{name, *dtype, std::move(shape)};
}

Result<ServedTensors> Describe(const Ort::Session& session) {
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<TensorSpec> inputs;
  for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
    inputs.push_back(TRY(
        Describe(session.GetInputNameAllocated(i, allocator).get(), session.GetInputTypeInfo(i))));
  }
  std::vector<TensorSpec> outputs;
  for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
    // An output that we cannot describe is one that we do not serve.
    auto output =
        Describe(session.GetOutputNameAllocated(i, allocator).get(), session.GetOutputTypeInfo(i));
    if (output) outputs.push_back(*std::move(output));
  }
  ServedTensors served = TRY(ChooseTensors(inputs, outputs));
  if (served.signature.input.dtype == DType::kString) {
    return Error{Reason::kBadModel,
                 "the input is encoded images, which are served of TensorFlow's SavedModels alone: "
                 "export the graph from the decoded picture on"};
  }
  return served;
}

// Of a prepared graph. Weights of a page or less stay inside: mapping them would save nothing.
constexpr const char* kGraphFile = "graph.onnx";
constexpr const char* kWeightsFile = "weights.bin";
constexpr const char* kWeightBytesMin = "1024";

Ort::SessionOptions Options(GraphOptimizationLevel level) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(level);
  options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_ERROR);
  options.AddConfigEntry(kOrtSessionOptionsConfigAllowIntraOpSpinning, "0");
  options.AddConfigEntry(kOrtSessionOptionsConfigAllowInterOpSpinning, "0");
  // Denormal activations cost a hundred times a normal one's time, and decide no class.
  options.AddConfigEntry(kOrtSessionOptionsConfigSetDenormalAsZero, "1");
  return options;
}

class OnnxSession final : public Session {
 public:
  OnnxSession(Ort::Session session, ServedTensors served, Shape output_shape)
      : session_(std::move(session)),
        signature_(std::move(served.signature)),
        input_shape_(signature_.input.shape),
        output_shape_(std::move(output_shape)),
        input_elements_(ElementCount(ItemShape(signature_.input)).value()),
        output_elements_(ElementCount(ItemShape(signature_.output)).value()) {
    input_shape_[0] = output_shape_[0] = 1;
    if (signature_.input.dtype == DType::kUint8) bytes_.resize(input_elements_);
  }

  const Signature& signature() const override { return signature_; }

  Status Run(std::span<const float> input, std::span<float> output) override {
    CHECK(input.size() == input_elements_ && output.size() == output_elements_);
    return CallLibrary("ONNX Runtime", Reason::kInternal, [&] {
      const Ort::Value in = Input(input);
      Ort::Value out = Ort::Value::CreateTensor<float>(memory_, output.data(), output.size(),
                                                       output_shape_.data(), output_shape_.size());
      const char* in_name = signature_.input.name.c_str();
      const char* out_name = signature_.output.name.c_str();
      session_.Run(run_options_, &in_name, &in, 1, &out_name, &out, 1);
    });
  }

 private:
  // A view of the caller's floats, or their copy as bytes where the model wants pixels.
  Ort::Value Input(std::span<const float> input) {
    if (bytes_.empty()) {
      // The library takes a mutable pointer for inputs too, and does not write to them.
      return Ort::Value::CreateTensor<float>(memory_, const_cast<float*>(input.data()),
                                             input.size(), input_shape_.data(),
                                             input_shape_.size());
    }
    RoundToBytes(input, bytes_);
    return Ort::Value::CreateTensor<std::uint8_t>(memory_, bytes_.data(), bytes_.size(),
                                                  input_shape_.data(), input_shape_.size());
  }

  Ort::Session session_;
  Signature signature_;
  Shape input_shape_;   // Of one item, batch dimension included.
  Shape output_shape_;  // The same, as the graph declares it.
  std::size_t input_elements_;
  std::size_t output_elements_;
  std::vector<std::uint8_t> bytes_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_;
};

Result<std::unique_ptr<Session>> OpenSession(const Ort::Env& environment,
                                             const std::filesystem::path& file,
                                             const Ort::SessionOptions& options) {
  using Loaded = Result<std::unique_ptr<Session>>;
  Result<Loaded> loaded = CallLibrary("ONNX Runtime", Reason::kBadModel, [&]() -> Loaded {
    Ort::Session session(environment, file.c_str(), options);
    ServedTensors served = TRY(Describe(session));
    Shape output_shape =
        session.GetOutputTypeInfo(served.output_index).GetTensorTypeAndShapeInfo().GetShape();
    output_shape[1] = served.signature.output.shape[1];
    return std::make_unique<OnnxSession>(std::move(session), std::move(served),
                                         std::move(output_shape));
  });
  return TRY(std::move(loaded));
}

}  // namespace

OnnxBackend::OnnxBackend(std::unique_ptr<Environment> environment)
    : environment_(std::move(environment)) {}
OnnxBackend::~OnnxBackend() = default;

Result<std::unique_ptr<OnnxBackend>> OnnxBackend::Open() {
  ::setenv("ORT_DISABLE_TELEMETRY", "1", /*overwrite=*/1);
  return CallLibrary("ONNX Runtime", Reason::kInternal, [] {
    return std::unique_ptr<OnnxBackend>(new OnnxBackend(std::make_unique<Environment>()));
  });
}

std::string OnnxBackend::version() const { return Ort::GetVersionString(); }

bool OnnxBackend::Reads(const std::filesystem::path& file) const {
  return file.extension() == ".onnx" || file.extension() == ".ort";
}

bool OnnxBackend::Prepares(const std::filesystem::path& file) const {
  return file.extension() == ".onnx";
}

Status OnnxBackend::Prepare(const std::filesystem::path& file,
                            const std::filesystem::path& folder) {
  if (!TRY(ExternalFilesOf(file)).empty()) {
    return Error{Reason::kBadModel, "its weights are in files of their own"};
  }
  return CallLibrary("ONNX Runtime", Reason::kBadModel, [&] {
    Ort::SessionOptions options = Options(ORT_ENABLE_ALL);
    options.SetOptimizedModelFilePath((folder / kGraphFile).c_str());
    options.AddConfigEntry(kOrtSessionOptionsOptimizedModelExternalInitializersFileName,
                           kWeightsFile);
    options.AddConfigEntry(kOrtSessionOptionsOptimizedModelExternalInitializersMinSizeInBytes,
                           kWeightBytesMin);
    const Ort::Session session(environment_->env, file.c_str(), options);
  });
}

Result<std::unique_ptr<Session>> OnnxBackend::LoadPrepared(const std::filesystem::path& folder) {
  return OpenSession(environment_->env, folder / kGraphFile, Options(ORT_DISABLE_ALL));
}

Result<std::unique_ptr<Session>> OnnxBackend::Load(const std::filesystem::path& file) {
  return OpenSession(environment_->env, file, Options(ORT_ENABLE_ALL));
}

}  // namespace holdfast
