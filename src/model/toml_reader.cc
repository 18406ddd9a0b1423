// SPDX-License-Identifier: Apache-2.0
#include "model/toml_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/nearest_name.h"

namespace holdfast {

void TomlFindings::Add(const toml::source_region& at, std::string what) const {
  problems->push_back(
      {at.begin ? fmt::format("{}:{}", file_name, at.begin.line) : file_name, std::move(what)});
}

const toml::node* TomlReader::Find(std::string_view key) {
  known_.emplace_back(key);
  return table_.get(key);
}

void TomlReader::Complain(const toml::node& node, std::string_view key,
                          std::string_view what) const {
  findings_.Add(node.source(), fmt::format("{}{} {}", section_, key, what));
}

void TomlReader::ComplainOfWord(const toml::node& node, std::string_view key, std::string_view got,
                                const std::vector<std::string>& known) const {
  const std::string nearest = got.empty() ? "" : NearestName(got, known);
  Complain(node, key,
           fmt::format("must be one of \"{}\"{}", fmt::join(known, "\", \""),
                       nearest.empty() ? ""
                                       : fmt::format("; is \"{}\", did you mean \"{}\"?",
                                                     got.substr(0, 64), nearest)));
}

void TomlReader::ReadText(std::string_view key, std::string& target) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  if (std::optional<std::string> text = node->value_exact<std::string>()) {
    target = *std::move(text);
  } else {
    Complain(*node, key, "must be a text in quotes");
  }
}

void TomlReader::ReadFileName(std::string_view key, std::string& target) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const std::string name = node->value_exact<std::string>().value_or("");
  if (const auto fault = FileNameFault(name)) {
    Complain(*node, key, *fault);
  } else {
    target = name;
  }
}

void TomlReader::ReadInteger(std::string_view key, Range range, std::uint32_t& target) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto number = node->value_exact<std::int64_t>();
  if (number && static_cast<double>(*number) >= range.min &&
      static_cast<double>(*number) <= range.max) {
    target = static_cast<std::uint32_t>(*number);
  } else {
    Complain(*node, key, fmt::format("must be a whole number from {} to {}", range.min, range.max));
  }
}

void TomlReader::ReadNonZero(std::string_view key, double& target) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const auto number = node->value<double>();
  if (number && std::isfinite(*number) && *number != 0) {
    target = *number;
  } else {
    Complain(*node, key, "must be a number other than 0");
  }
}

void TomlReader::ReadChannels(std::string_view key, bool zero_allowed,
                              std::array<double, 3>& target) {
  const toml::node* node = Find(key);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  std::array<double, 3> channels{};
  bool good = array != nullptr && array->size() == channels.size();
  for (std::size_t i = 0; good && i < channels.size(); ++i) {
    channels[i] = array->get(i)->value<double>().value_or(std::nan(""));
    good = std::isfinite(channels[i]) && (zero_allowed || channels[i] != 0);
  }
  if (good) {
    target = channels;
  } else {
    Complain(*node, key,
             zero_allowed ? "must be three numbers, one a channel"
                          : "must be three numbers other than 0, one a channel");
  }
}

const toml::table* TomlReader::FindTable(std::string_view key) {
  const toml::node* node = Find(key);
  if (node == nullptr) return nullptr;
  if (!node->is_table()) Complain(*node, key, fmt::format("must be a table: [{}]", key));
  return node->as_table();
}

void TomlReader::RefuseOthers() const {
  for (auto&& [key, node] : table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    const std::string nearest = NearestName(key.str(), known_);
    findings_.Add(key.source(),
                  fmt::format("unknown key {}{}{}", section_, key.str(),
                              nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
  }
}

std::optional<std::string> FileNameFault(std::string_view name) {
  if (name.empty()) return "must name a file";
  if (name.size() > 255) return "is longer than 255 bytes";
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::any_of(name.begin(), name.end(), is_control)) return "holds control characters";
  if (name.front() == '/') return "must lie inside the folder: no absolute path";
  if (name.back() == '/') return "must name a file, not a folder";
  for (const auto& part : std::filesystem::path(name)) {
    if (part == "..") return "must lie inside the folder: no \"..\"";
  }
  return std::nullopt;
}

}  // namespace holdfast
