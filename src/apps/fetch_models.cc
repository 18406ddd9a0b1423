// SPDX-License-Identifier: Apache-2.0
#include "apps/fetch_models.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "apps/sibling_executable.h"
#include "base/http_url.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/system_error.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSystemCache = "/var/cache/holdfast";
constexpr std::size_t kFileNameMax = 240;

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Of several that may do the first that can be written to.
Result<fs::path> CacheFolder(const ServerConfig& config) {
  if (!config.model_cache.empty()) return config.model_cache;
  std::vector<fs::path> candidates{kSystemCache};
  if (const std::string cache = Variable("XDG_CACHE_HOME"); !cache.empty()) {
    candidates.push_back(fs::path(cache) / "holdfast/models");
  }
  if (const std::string home = Variable("HOME"); !home.empty()) {
    candidates.push_back(fs::path(home) / ".cache/holdfast/models");
  }
  for (const fs::path& candidate : candidates) {
    std::error_code error;
    fs::create_directories(candidate, error);
    if (::access(candidate.c_str(), W_OK) == 0) return candidate;
  }
  return Error{Reason::kUsage, fmt::format("models from S3 need a folder here, and neither {} nor "
                                           "one in the user's home can be written to; give one "
                                           "with --model-cache",
                                           kSystemCache)};
}

}  // namespace

Result<MirrorOptions> PlanMirror(ServerConfig& config) {
  const bool one_model = !config.model_base_path.empty();
  fs::path& place = one_model ? config.model_base_path : config.model_repository;
  if (!IsRemote(place.native())) return MirrorOptions{};
  MirrorOptions mirror{.source = place.native(),
                       .model = one_model ? config.model_name : "",
                       .folder = {},
                       .policy = config.model_version_policy};
  const std::string name = PercentEncode(mirror.source.substr(mirror.source.find("://") + 3));
  if (name.size() > kFileNameMax) {
    return Error{Reason::kUsage, mirror.source + " is too long"};
  }
  const fs::path folder = TRY(CacheFolder(config)) / name;
  mirror.folder = fs::absolute(folder).native();
  place = one_model ? fs::path(mirror.folder) / config.model_name : fs::path(mirror.folder);
  return mirror;
}

Result<Fetched> FetchModels(const MirrorOptions& mirror) {
  const UniqueFd signals = TRY(OpenSignals({SIGTERM, SIGINT}));
  RoleArguments role;
  AddArguments(mirror, role);
  std::vector<std::string> arguments{std::string(kFetchArgument)};
  for (std::string& word : role.Words()) arguments.push_back(std::move(word));
  const fs::path folder = TRY(ExecutableFolder());
  const Process process = TRY(Spawn({.executable = folder / kMirrorExecutable,
                                     .arguments = std::move(arguments),
                                     .environment = {},
                                     .descriptors = {},
                                     .stdio = STDERR_FILENO}));
  Fetched fetched;
  std::array<pollfd, 2> waits{pollfd{.fd = signals.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = process.pidfd.get(), .events = POLLIN, .revents = 0}};
  while (waits[1].revents == 0) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) {
      return SystemError("wait for " + std::string(kMirrorExecutable));
    }
    if (waits[0].revents == 0 || ReadSignals(signals.get()).empty()) continue;
    fetched.stopped = true;
    SendSignal(process.pidfd, SIGKILL);
  }
  while (const auto reaped = ReapAny()) {
    const ExitStatus& status = reaped->status;
    if (reaped->pid == process.pid) {
      fetched.exit_code = status.signalled ? 128 + status.number : status.number;
    }
  }
  return fetched;
}

}  // namespace holdfast
