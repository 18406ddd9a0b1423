// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "model/model_key.h"

namespace holdfast {

// A version that a repository holds. The fingerprint changes when a file in its folder comes, goes
// or is written.
struct Offer {
  ModelKey key;
  std::filesystem::path folder;  // NAME/VERSION/.
  std::uint64_t fingerprint = 0;
  std::uint64_t bytes = 0;  // Of all its files.
  bool operator==(const Offer&) const = default;
};

}  // namespace holdfast
