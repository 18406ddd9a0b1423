// SPDX-License-Identifier: Apache-2.0
#include "os/replace_file.h"

#include <fstream>
#include <system_error>

#include "os/system_error.h"

namespace holdfast {
namespace {

Status WriteFile(const std::filesystem::path& draft, const std::filesystem::path& file,
                 std::string_view content) {
  std::ofstream stream(draft);
  stream << content;
  if (!stream.flush()) return SystemError("write " + file.string(), Reason::kUsage);
  stream.close();
  std::error_code failed;
  std::filesystem::rename(draft, file, failed);
  if (!failed) return {};
  return Error{Reason::kUsage, "write " + file.string() + ": " + failed.message()};
}

}  // namespace

Status ReplaceFile(const std::filesystem::path& file, std::string_view content) {
  std::filesystem::path draft = file;
  draft += ".new";
  const Status written = WriteFile(draft, file, content);
  std::error_code ignored;
  if (!written) std::filesystem::remove(draft, ignored);
  return written;
}

}  // namespace holdfast
