// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "apps/checkup.h"
#include "apps/failure.h"
#include "apps/model_source.h"
#include "apps/resolve_config.h"
#include "apps/serve.h"
#include "apps/sibling_executable.h"
#include "os/listener.h"
#include "os/process.h"

namespace holdfast {
namespace {

using Verdict = Finding::Verdict;

// What a start would read, without starting anything.
Result<SupervisorOptions> ReadModels(ServerConfig& config) {
  const std::filesystem::path executables = TRY(ExecutableFolder());
  TRY_DO(ChooseModels(config, executables));
  return ToSupervisorOptions(config);
}

bool IsOpenToAll(const std::filesystem::path& folder) {
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0 &&
         (status.st_mode & S_ISVTX) == 0;
}

Finding ModelsFinding(const Result<SupervisorOptions>& options) {
  if (!options) {
    return {"models", Verdict::kFailure, options.error().message, "the server would not start",
            "holdfast inspect FOLDER shows what is wrong with one"};
  }
  std::string names;
  for (const Offer& offer : options->offers) {
    if (IsOpenToAll(offer.folder)) {
      return {"models", Verdict::kWarning,
              fmt::format("everybody may write to {}", offer.folder.string()),
              "whoever can write there decides what is served", "chmod o-w"};
    }
    names += (names.empty() ? "" : ", ") + FormatKey(offer.key);
  }
  return {"models", Verdict::kOk, names.empty() ? "clients will add them" : names, {}, {}};
}

Finding PortFinding(const char* check, const std::string& address, std::uint16_t port) {
  const std::string place = fmt::format("{} port {}", address, port);
  if (port == 0) return {check, Verdict::kOk, "any free port", {}, {}};
  if (const auto listener = Listen(address, port); !listener) {
    return {check, Verdict::kFailure, listener.error().message, "the server would not start",
            "end what has it, or choose another"};
  }
  return {check, Verdict::kOk, place + " is free", {}, {}};
}

}  // namespace

int RunDoctor(const DoctorCommand& command) {
  auto resolved = ResolveConfig(SourcesOf(command.serve));
  if (!resolved) return FailConfig(resolved.error());
  ServerConfig config = resolved->config;
  if (const Models models = BringModels(config); models.exit_code) return *models.exit_code;
  const Result<SupervisorOptions> options = ReadModels(config);
  PlannedServer server{.config = config,
                       .balancer_idle = command.balancer_idle,
                       .stop_timeout = command.stop_timeout};
  if (options) {
    server.workers = options->workers;
    server.versions = static_cast<std::uint32_t>(std::max<std::size_t>(options->offers.size(), 1));
    for (const Offer& offer : options->offers) server.model_bytes += offer.bytes;
  }
  std::vector<Finding> findings = Examine(ReadHost(), server);
  findings.push_back(ModelsFinding(options));
  findings.push_back(PortFinding("http-port", config.bind_address, config.http_port));
  findings.push_back(PortFinding("grpc-port", config.bind_address, config.grpc_port));
  findings.push_back(PortFinding("admin-port", config.admin_address, config.admin_port));
  const int shown = Show(command.json ? FormatFindingsAsJson(findings) : FormatFindings(findings));
  return shown != 0 ? shown : ExitCodeOf(findings);
}

}  // namespace holdfast
