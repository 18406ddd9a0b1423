// SPDX-License-Identifier: Apache-2.0
#include "ipc/role_arguments.h"

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
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return Error{Reason::kUsage, "role argument \"" + key + "\" is no number"};
  }
  return number;
}

std::vector<std::string> RoleArguments::Words() const {
  std::vector<std::string> words;
  for (const auto& [key, value] : values_) words.push_back(key + '=' + value);
  return words;
}

}  // namespace holdfast
