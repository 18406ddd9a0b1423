// SPDX-License-Identifier: Apache-2.0
#include "os/folder_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "os/system_error.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kEvents =
    IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;

}  // namespace

Result<FolderWatch> FolderWatch::Open() {
  UniqueFd inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify) return SystemError("watch folders");
  return FolderWatch(std::move(inotify));
}

void FolderWatch::Drain() {
  std::array<std::uint8_t, 4096> events{};
  while (::read(inotify_.get(), events.data(), events.size()) > 0) {
  }
}

void FolderWatch::Watch(const std::set<std::filesystem::path>& folders) {
  for (auto entry = watches_.begin(); entry != watches_.end();) {
    if (folders.contains(entry->first)) {
      ++entry;
    } else {
      ::inotify_rm_watch(inotify_.get(), entry->second);
      entry = watches_.erase(entry);
    }
  }
  // A folder that was replaced by another of its name needs a new watch; the same one is kept.
  for (const std::filesystem::path& folder : folders) {
    const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
    if (watch >= 0) watches_[folder] = watch;
  }
}

}  // namespace holdfast
