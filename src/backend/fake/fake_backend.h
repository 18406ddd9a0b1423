// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "backend/backend.h"

namespace holdfast {

// A model without a library, for tests: it can be slow, wrong, hang, leak or crash on command (see
// fake_script.h), and what it answers rightly is known beforehand (FakeClassOf).
class FakeBackend : public Backend {
 public:
  std::string_view name() const override { return "fake"; }
  std::string version() const override { return "1"; }
  ThreadsAfterLoad threads_after_load() const override { return ThreadsAfterLoad::kNone; }
  bool Reads(const std::filesystem::path& file) const override;
  Result<std::unique_ptr<Session>> Load(const std::filesystem::path& file) override;
};

// The right answer for an input whose elements are from 0 to 1: floor(mean · classes), at most
// classes − 1. A plain gray picture of level (k + ½) · 256 / classes is of class k.
std::uint32_t FakeClassOf(std::span<const float> input, std::uint32_t classes);

}  // namespace holdfast
