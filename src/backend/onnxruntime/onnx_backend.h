// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "backend/backend.h"

namespace holdfast {

// ONNX Runtime on the CPU. It starts no thread, so that a process may fork after Load: one thread a
// session, no spinning, no logger thread, no telemetry. One of it a process.
class OnnxBackend final : public Backend {
 public:
  // Sets ORT_DISABLE_TELEMETRY in the environment of this process, before the library wakes up.
  static Result<std::unique_ptr<OnnxBackend>> Open();
  ~OnnxBackend() override;

  std::string_view name() const override { return "onnxruntime"; }
  std::string version() const override;
  ThreadsAfterLoad threads_after_load() const override { return ThreadsAfterLoad::kNone; }
  bool Reads(const std::filesystem::path& file) const override;
  Result<std::unique_ptr<Session>> Load(const std::filesystem::path& file) override;
  bool Prepares(const std::filesystem::path& file) const override;
  // The weights are a file of their own, which LoadPrepared() maps.
  Status Prepare(const std::filesystem::path& file, const std::filesystem::path& folder) override;
  Result<std::unique_ptr<Session>> LoadPrepared(const std::filesystem::path& folder) override;

 private:
  struct Environment;
  explicit OnnxBackend(std::unique_ptr<Environment> environment);
  std::unique_ptr<Environment> environment_;
};

}  // namespace holdfast
