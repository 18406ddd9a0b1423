// SPDX-License-Identifier: Apache-2.0
#include "apps/fetch_models.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "apps/cache_folder.h"
#include "apps/sibling_executable.h"
#include "base/http_url.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/system_error.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileNameMax = 240;

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
