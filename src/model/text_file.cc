// SPDX-License-Identifier: Apache-2.0
#include "model/text_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

namespace holdfast {

std::string FileFault(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    if (errno != ENOENT) return std::strerror(errno);
    std::error_code ignored;
    return std::filesystem::is_symlink(file, ignored) ? "is a link to nothing" : "is missing";
  }
  if (S_ISDIR(status.st_mode)) {
    std::error_code ignored;
    return std::filesystem::is_symlink(file, ignored) ? "is a link to a folder" : "is a folder";
  }
  if (!S_ISREG(status.st_mode)) return "is no regular file";
  if (status.st_size == 0) return "is empty";
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) != 0) {
    return fmt::format("may not be read by user {}: check its permissions", ::geteuid());
  }
  return "";
}

Result<std::string> ReadTextFile(const std::filesystem::path& file, std::size_t bytes_max) {
  if (std::string fault = FileFault(file); !fault.empty()) {
    const bool missing = fault == "is missing";
    return Error{missing ? Reason::kNotFound : Reason::kBadModel, std::move(fault)};
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rbe"),
                                                               std::fclose);
  if (stream == nullptr) return Error{Reason::kBadModel, std::strerror(errno)};
  std::string text(bytes_max + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stream.get()));
  if (std::ferror(stream.get()) != 0) return Error{Reason::kBadModel, "could not be read whole"};
  if (text.size() > bytes_max) {
    return Error{Reason::kBadModel, fmt::format("is larger than {} bytes", bytes_max)};
  }
  return text;
}

bool IsUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<std::uint8_t>(text[i]);
    const std::size_t length = lead < 0x80             ? 1
                               : (lead & 0xE0) == 0xC0 ? 2
                               : (lead & 0xF0) == 0xE0 ? 3
                               : (lead & 0xF8) == 0xF0 ? 4
                                                       : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<std::uint8_t>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      point = (point << 6) | (next & 0x3Fu);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < kLeast[length] || point > 0x10FFFF || surrogate) return false;
    i += length;
  }
  return true;
}

}  // namespace holdfast
