// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "backend/backend.h"

namespace holdfast {

class OpenVinoModule;

// OpenVINO on the CPU: TensorFlow's SavedModel and TFLite, OpenVINO's IR, and ONNX, none of them
// converted. The library is opened by the first Load, from the folder that the run path names. It
// keeps two threads after a Load; both wait in futex while nobody calls it.
class OpenVinoBackend final : public Backend {
 public:
  OpenVinoBackend();
  ~OpenVinoBackend() override;

  std::string_view name() const override { return "openvino"; }
  std::string version() const override;  // "absent" where the program was built without it.
  ThreadsAfterLoad threads_after_load() const override { return ThreadsAfterLoad::kParked; }
  bool Reads(const std::filesystem::path& file) const override;
  Result<std::unique_ptr<Session>> Load(const std::filesystem::path& file) override;

 private:
  Status Open();
  std::unique_ptr<OpenVinoModule> module_;
};

}  // namespace holdfast
