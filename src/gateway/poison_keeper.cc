// SPDX-License-Identifier: Apache-2.0
#include "gateway/poison_keeper.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "os/system_error.h"
#include "os/unique_fd.h"

namespace holdfast {

Status PoisonKeeper::Keep(const std::string& digest, ByteView image) {
  if (folder_.empty() || kept_ >= kFilesMax) return {};
  const std::string file = folder_ / digest;
  const UniqueFd opened(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!opened) {
    if (errno == EEXIST) return {};
    return SystemError("write " + file);
  }
  ++kept_;
  for (std::size_t done = 0; done < image.size();) {
    const ssize_t count = ::write(opened.get(), image.data() + done, image.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const Error error = SystemError("write " + file);
      ::unlink(file.c_str());  // Half an image would mislead.
      return error;
    }
    done += static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace holdfast
