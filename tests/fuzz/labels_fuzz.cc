// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/text_file.h"

// A labels file without problems is a list of short lines of UTF-8, and the same when it is written
// and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  std::vector<Problem> problems;
  const std::vector<std::string> labels = ParseLabels(text, "labels.txt", problems);
  if (labels.size() > size) std::abort();
  if (!problems.empty()) return 0;
  if (labels.empty()) std::abort();
  std::string written;
  for (const std::string& label : labels) {
    if (label.empty() || label.size() > 1024 || !IsUtf8(label)) std::abort();
    if (label.find('\n') != std::string::npos) std::abort();
    written += label + '\n';
  }
  if (ParseLabels(written, "labels.txt", problems) != labels || !problems.empty()) std::abort();
  return 0;
}
