// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// An operator's wish that `label` means a version of `model` from now on, or nothing any more.
struct LabelOrder {
  std::string model;
  std::string label;
  std::optional<std::int64_t> version;
  bool operator==(const LabelOrder&) const = default;
};

// As JSON, for the sealed memory that carries it from gateway to supervisor.
std::string EncodeLabelOrder(const LabelOrder& order);
// kBadRequest for anything else.
Result<LabelOrder> DecodeLabelOrder(std::string_view json);

}  // namespace holdfast
