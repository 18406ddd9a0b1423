// SPDX-License-Identifier: Apache-2.0
#include "model/labels.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/text_file.h"

namespace holdfast {
namespace {

constexpr std::size_t kLabelBytesMax = 1024;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsControl(char c) { return static_cast<unsigned char>(c) < ' '; }

}  // namespace

std::vector<std::string> ParseLabels(std::string_view text, std::string_view file_name,
                                     std::vector<Problem>& problems) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  std::vector<std::string> labels;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    std::string_view label = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (label.ends_with('\r')) label.remove_suffix(1);
    const auto complain = [&](const char* what) {
      problems.push_back({fmt::format("{}:{}", file_name, line), what});
    };
    if (label.empty()) complain("is empty: every class needs a label");
    if (label.size() > kLabelBytesMax) complain("is longer than 1024 bytes");
    if (!IsUtf8(label)) complain("is not UTF-8");
    // Not to be seen in an editor, and no client would find the class by its name.
    if (label.find(kByteOrderMark) != std::string_view::npos) {
      complain("holds a byte order mark; were two files joined?");
    }
    if (std::any_of(label.begin(), label.end(), IsControl)) complain("holds control characters");
    labels.emplace_back(label);
  }
  if (labels.empty()) problems.push_back({std::string(file_name), "holds no label"});
  return labels;
}

}  // namespace holdfast
