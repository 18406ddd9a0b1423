// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace holdfast {

// Names a servable: "resnet50/1".
struct ModelKey {
  std::string name;
  std::int64_t version = 0;
  auto operator<=>(const ModelKey&) const = default;
};

inline std::string FormatKey(const ModelKey& key) {
  return key.name + '/' + std::to_string(key.version);
}

}  // namespace holdfast
