// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// A hidden folder beside a version's place, where the version is put together. It takes that place
// in one step; until then a server that watches the repository sees nothing of it. Removed with all
// that it holds if it never does.
class StagedFolder {
 public:
  // For REPOSITORY/NAME/VERSION/, whose parents are made.
  static Result<StagedFolder> Open(const std::filesystem::path& target);
  StagedFolder(StagedFolder&& other) noexcept;
  StagedFolder& operator=(StagedFolder&&) = delete;
  ~StagedFolder();

  const std::filesystem::path& path() const { return path_; }

  // Copies a file to `name` inside, its folders included.
  Status Copy(const std::filesystem::path& from, const std::string& name) const;
  Status Write(const std::string& name, std::string_view content) const;

  enum class Existing { kRefuse, kReplace };
  // Moves the folder to its place. kAlreadyLoaded when the place is taken and not to be replaced.
  Status Commit(Existing existing);

 private:
  StagedFolder(std::filesystem::path path, std::filesystem::path target, bool made_parent)
      : path_(std::move(path)), target_(std::move(target)), made_parent_(made_parent) {}

  std::filesystem::path path_;  // Empty: moved to its place, or moved from.
  std::filesystem::path target_;
  bool made_parent_;  // The model's folder was not there before.
};

}  // namespace holdfast
