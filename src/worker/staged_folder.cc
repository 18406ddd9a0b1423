// SPDX-License-Identifier: Apache-2.0
#include "worker/staged_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <utility>

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFolderMode = 0755;
constexpr fs::perms kFileMode{0644};

Error CannotWrite(const fs::path& path, const std::string& why) {
  return {Reason::kUsage, fmt::format("{} cannot be written: {}", path.string(), why)};
}

}  // namespace

StagedFolder::StagedFolder(StagedFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      target_(std::move(other.target_)),
      made_parent_(other.made_parent_) {}

StagedFolder::~StagedFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  // Not removed unless it is empty.
  if (made_parent_) fs::remove(target_.parent_path(), ignored);
}

Result<StagedFolder> StagedFolder::Open(const std::filesystem::path& target) {
  std::error_code failed;
  const bool made_parent = fs::create_directories(target.parent_path(), failed);
  if (failed) return CannotWrite(target.parent_path(), failed.message());
  std::string name =
      (target.parent_path() / fmt::format(".{}-XXXXXX", target.filename().string())).string();
  if (::mkdtemp(name.data()) == nullptr) {
    return CannotWrite(target.parent_path(), std::strerror(errno));
  }
  // mkdtemp keeps others out, a server that runs as another user among them.
  ::chmod(name.c_str(), kFolderMode);
  return StagedFolder(name, target, made_parent);
}

Status StagedFolder::Copy(const std::filesystem::path& from, const std::string& name) const {
  const fs::path to = path_ / name;
  std::error_code failed;
  fs::create_directories(to.parent_path(), failed);
  if (!failed) fs::copy_file(from, to, failed);
  // A server often runs as another user; the source's mode is its owner's affair.
  if (!failed) fs::permissions(to, kFileMode, failed);
  if (failed) {
    return CannotWrite(to, fmt::format("{} (from {})", failed.message(), from.string()));
  }
  return {};
}

Status StagedFolder::Write(const std::string& name, std::string_view content) const {
  std::ofstream stream(path_ / name, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  if (!stream) return CannotWrite(path_ / name, "is the disk full?");
  return {};
}

Status StagedFolder::Commit(Existing existing) {
  const unsigned flags = existing == Existing::kRefuse ? RENAME_NOREPLACE : RENAME_EXCHANGE;
  const auto rename = [&](unsigned how) {
    return ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), how) == 0;
  };
  // Exchanged, the old version is what the destructor removes.
  if (rename(flags)) {
    if (existing == Existing::kRefuse) path_.clear();
    return {};
  }
  if (errno == EEXIST) {
    return Error{Reason::kAlreadyLoaded, fmt::format("{} exists", target_.string())};
  }
  // Nothing there to exchange with.
  if (errno == ENOENT && rename(RENAME_NOREPLACE)) {
    path_.clear();
    return {};
  }
  // A file system without these flags: the plain call never replaces a folder that holds something.
  if (errno == EINVAL || errno == ENOSYS) {
    std::error_code failed;
    if (existing == Existing::kReplace) fs::remove_all(target_, failed);
    if (!failed) fs::rename(path_, target_, failed);
    if (failed) return CannotWrite(target_, failed.message());
    path_.clear();
    return {};
  }
  return CannotWrite(target_, std::strerror(errno));
}

}  // namespace holdfast
