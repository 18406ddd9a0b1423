// SPDX-License-Identifier: Apache-2.0
#include "ipc/role_arguments.h"

#include "base/digits.h"

namespace holdfast {

Result<RoleArguments> RoleArguments::Parse(std::span<const std::string> words) {
  RoleArguments arguments;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{Reason::kUsage, "this role is started by holdfast serve, not by hand"};
    }
    arguments.Set(word.substr(0, equals), word.substr(equals + 1));
  }
  return arguments;
}

Result<std::string> RoleArguments::Text(const std::string& key) const {
  const auto entry = values_.find(key);
  if (entry == values_.end()) {
    return Error{Reason::kUsage, "role argument \"" + key + "\" is missing"};
  }
  return entry->second;
}

Result<std::uint64_t> RoleArguments::Number(const std::string& key) const {
  const std::string text = TRY(Text(key));
  const auto number = ParseDigits<std::uint64_t>(text);
  if (!number) return Error{Reason::kUsage, "role argument \"" + key + "\" is no number"};
  return *number;
}

std::vector<std::string> RoleArguments::Words() const {
  std::vector<std::string> words;
  for (const auto& [key, value] : values_) words.push_back(key + '=' + value);
  return words;
}

}  // namespace holdfast
