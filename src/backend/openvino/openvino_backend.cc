// SPDX-License-Identifier: Apache-2.0
#include "backend/openvino/openvino_backend.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <vector>

#include "backend/byte_pixels.h"
#include "backend/library_call.h"
#include "backend/openvino/openvino_module.h"
#include "backend/served_tensors.h"
#include "base/check.h"

namespace holdfast {
namespace {

constexpr const char* kLibrary = "libholdfast_openvino.so";

class OpenVinoSession final : public Session {
 public:
  OpenVinoSession(std::unique_ptr<OpenVinoGraph> graph, Signature signature)
      : graph_(std::move(graph)),
        signature_(std::move(signature)),
        input_elements_(ElementCount(ItemShape(signature_.input)).value()),
        output_elements_(ElementCount(ItemShape(signature_.output)).value()) {
    if (signature_.input.dtype == DType::kUint8) bytes_.resize(input_elements_);
  }

  const Signature& signature() const override { return signature_; }

  Status Run(std::span<const float> input, std::span<float> output) override {
    CHECK(!pictures() && input.size() == input_elements_ && output.size() == output_elements_);
    if (!bytes_.empty()) RoundToBytes(input, bytes_);
    const void* item = bytes_.empty() ? static_cast<const void*>(input.data()) : bytes_.data();
    return CallLibrary("OpenVINO", Reason::kInternal, [&] { graph_->Run(item, output.data()); });
  }

  std::optional<PictureRules> pictures() const override { return graph_->pictures(); }

  Status RunPicture(std::span<const std::uint8_t> rgb, std::uint32_t width, std::uint32_t height,
                    std::span<float> output) override {
    CHECK(pictures() && rgb.size() == std::size_t{3} * width * height &&
          output.size() == output_elements_);
    return CallLibrary("OpenVINO", Reason::kInternal,
                       [&] { graph_->RunPicture(rgb.data(), width, height, output.data()); });
  }

 private:
  std::unique_ptr<OpenVinoGraph> graph_;
  Signature signature_;
  std::size_t input_elements_;
  std::size_t output_elements_;
  std::vector<std::uint8_t> bytes_;  // The item as pixels, where the model wants those.
};

}  // namespace

OpenVinoBackend::OpenVinoBackend() = default;
OpenVinoBackend::~OpenVinoBackend() = default;

std::string OpenVinoBackend::version() const { return HOLDFAST_OPENVINO_VERSION; }

bool OpenVinoBackend::Reads(const std::filesystem::path& file) const {
  const std::string extension = file.extension();
  return file.filename() == "saved_model.pb" || extension == ".tflite" || extension == ".xml" ||
         extension == ".onnx";
}

// Never closed: its threads live as long as the process.
Status OpenVinoBackend::Open() {
  if (module_ != nullptr) return {};
  if (version() == "absent") {
    return Error{Reason::kBadModel,
                 "this program was built without OpenVINO, which reads SavedModel, TFLite and IR "
                 "models: build it with HOLDFAST_OPENVINO set"};
  }
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  void* symbol = library == nullptr ? nullptr : ::dlsym(library, kOpenVinoModuleSymbol);
  if (symbol == nullptr) {
    const char* why = ::dlerror();
    return Error{Reason::kBadModel,
                 fmt::format("the OpenVINO engine cannot be opened: {}", why ? why : kLibrary)};
  }
  return CallLibrary("OpenVINO", Reason::kBadModel,
                     [&] { module_.reset(reinterpret_cast<OpenOpenVino>(symbol)()); });
}

Result<std::unique_ptr<Session>> OpenVinoBackend::Load(const std::filesystem::path& file) {
  TRY_DO(Open());
  using Loaded = Result<std::unique_ptr<Session>>;
  Result<Loaded> loaded = CallLibrary("OpenVINO", Reason::kBadModel, [&]() -> Loaded {
    auto graph = module_->Read(file.filename() == "saved_model.pb" ? file.parent_path() : file);
    ServedTensors served = TRY(ChooseTensors(graph->inputs(), graph->outputs()));
    graph->Compile(served.output_index);
    return std::make_unique<OpenVinoSession>(std::move(graph), std::move(served.signature));
  });
  return TRY(std::move(loaded));
}

}  // namespace holdfast
