// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <set>

#include "base/result.h"
#include "os/unique_fd.h"

namespace holdfast {

// Tells that something in a set of folders may have changed (inotify). It may miss what happens on
// another host's side of a network file system.
class FolderWatch {
 public:
  static Result<FolderWatch> Open();

  // Readable when something may have changed.
  int fd() const { return inotify_.get(); }
  // Takes what has been told so far. To be called when fd() is readable.
  void Drain();
  // The folders to watch from now on, without those inside of them. One that cannot be watched is
  // left out.
  void Watch(const std::set<std::filesystem::path>& folders);

 private:
  explicit FolderWatch(UniqueFd inotify) : inotify_(std::move(inotify)) {}

  UniqueFd inotify_;
  std::map<std::filesystem::path, int> watches_;
};

}  // namespace holdfast
