// SPDX-License-Identifier: Apache-2.0
#pragma once

// Header-only: the packaged library is built with exceptions.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
// "[)" breaks an assertion of the parser, which can tell it as the error that it is.
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/words.h"

namespace holdfast {

// What a reader says its findings to, and the file that it speaks of.
struct TomlFindings {
  std::string file_name;
  std::vector<Problem>* problems;

  void Add(const toml::source_region& at, std::string what) const;
};

// Reads one table key by key and collects what is wrong instead of stopping at it. A key that is
// absent leaves the target as it is. Once all keys are read, RefuseOthers() names the unknown ones.
class TomlReader {
 public:
  // `section` is put before key names in messages: "preprocessing.". The table must outlive it.
  TomlReader(const toml::table& table, std::string section, const TomlFindings& findings)
      : table_(table), section_(std::move(section)), findings_(findings) {}

  struct Range {
    double min;
    double max;
  };

  const toml::node* Find(std::string_view key);
  void ReadText(std::string_view key, std::string& target);
  // A file inside the servable's folder.
  void ReadFileName(std::string_view key, std::string& target);
  void ReadInteger(std::string_view key, Range range, std::uint32_t& target);
  void ReadNonZero(std::string_view key, double& target);
  // Three finite numbers, one a channel.
  void ReadChannels(std::string_view key, bool zero_allowed, std::array<double, 3>& target);
  template <class T, std::size_t N>
  void ReadWord(std::string_view key, const std::array<Word<T>, N>& words, T& target);

  const toml::table* FindTable(std::string_view key);
  void Complain(const toml::node& node, std::string_view key, std::string_view what) const;
  void RefuseOthers() const;

 private:
  void ComplainOfWord(const toml::node& node, std::string_view key, std::string_view got,
                      const std::vector<std::string>& known) const;

  const toml::table& table_;
  std::string section_;
  const TomlFindings& findings_;
  std::vector<std::string> known_;
};

// Why `name` cannot name a file inside a servable's folder; nothing when it can.
std::optional<std::string> FileNameFault(std::string_view name);

template <class T, std::size_t N>
void TomlReader::ReadWord(std::string_view key, const std::array<Word<T>, N>& words, T& target) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const std::optional<std::string> got = node->value_exact<std::string>();
  std::vector<std::string> known;
  for (const Word<T>& word : words) {
    if (got == word.text) {
      target = word.value;
      return;
    }
    known.emplace_back(word.text);
  }
  ComplainOfWord(*node, key, got.value_or(""), known);
}

}  // namespace holdfast
