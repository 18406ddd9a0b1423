// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast {

// Writes images that killed their workers into a folder, where an operator asks for it: they are
// clients' data. Named by their digest, readable by the owner only, and so many at most.
class PoisonKeeper {
 public:
  static constexpr std::size_t kFilesMax = 64;  // In the life of a gateway.

  // `folder` empty: nothing is kept.
  explicit PoisonKeeper(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Nothing to do is no error, nor is an image that is there already.
  Status Keep(const std::string& digest, ByteView image);

 private:
  std::filesystem::path folder_;
  std::size_t kept_ = 0;
};

}  // namespace holdfast
