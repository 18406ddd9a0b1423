// SPDX-License-Identifier: Apache-2.0
#include "apps/sibling_executable.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "base/bytes.h"
#include "os/process.h"
#include "os/unique_fd.h"

namespace holdfast {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kOutputBytesMax = KiB(64);

// False once `until` has passed.
bool WaitReadable(int fd, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd event{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&event, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// Until the other side closes; nothing when it takes too long or writes too much.
bool ReadAll(int fd, Clock::time_point until, std::string& output) {
  std::array<char, 4096> chunk;
  while (output.size() <= kOutputBytesMax && WaitReadable(fd, until)) {
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count == 0) return true;
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) output.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return false;
}

}  // namespace

Error BecomeSibling(std::string_view name, std::span<const std::string> arguments) {
  const std::filesystem::path executable = TRY(ExecutableFolder()) / name;
  std::string path = executable.string();
  std::vector<std::string> words(arguments.begin(), arguments.end());
  std::vector<char*> argv{path.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(path.c_str(), argv.data());
  return Error{Reason::kUnavailable, fmt::format("{}: {}; try to install it beside holdfast", path,
                                                 std::strerror(errno))};
}

Result<std::string> AskSibling(std::string_view name, const std::vector<std::string>& arguments,
                               std::chrono::milliseconds timeout) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Error{Reason::kInternal, fmt::format("pipe: {}", std::strerror(errno))};
  }
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const Clock::time_point until = Clock::now() + timeout;
  const std::filesystem::path folder = TRY(ExecutableFolder());
  const Process process =
      TRY(Spawn({.executable = folder / name, .arguments = arguments, .stdio = theirs.get()}));
  theirs.reset();
  std::string output;
  const bool complete =
      ReadAll(ours.get(), until, output) && WaitReadable(process.pidfd.get(), until);
  if (!complete) SendSignal(process.pidfd, SIGKILL);
  // The kill above makes this wait short; it is bounded so that a stuck kernel cannot hold us.
  WaitReadable(process.pidfd.get(), Clock::now() + std::chrono::seconds(2));
  const auto reaped = ReapAny();
  if (!complete) return Error{Reason::kUnavailable, fmt::format("{}: no answer in time", name)};
  if (!reaped || reaped->status.signalled || reaped->status.number != 0) {
    return Error{
        Reason::kUnavailable,
        fmt::format("{}: {}", name, reaped ? FormatExit(reaped->status) : "its end was not seen")};
  }
  return output;
}

}  // namespace holdfast
