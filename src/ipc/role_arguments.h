// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

// What one process of ours tells another on its command line: KEY=VALUE words that no person types.
// A missing or malformed one is a difference between builds, and an error.
class RoleArguments {
 public:
  static Result<RoleArguments> Parse(std::span<const std::string> words);

  RoleArguments& Set(const std::string& key, std::string value) {
    values_[key] = std::move(value);
    return *this;
  }
  template <class Integer>
    requires std::is_integral_v<Integer>
  RoleArguments& Set(const std::string& key, Integer value) {
    return Set(key, std::to_string(value));
  }

  Result<std::string> Text(const std::string& key) const;
  Result<std::uint64_t> Number(const std::string& key) const;

  std::vector<std::string> Words() const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace holdfast
