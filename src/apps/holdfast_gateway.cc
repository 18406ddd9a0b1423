// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <variant>
#include <vector>

#include "apps/admin_commands.h"
#include "apps/command_line.h"
#include "apps/drill_command.h"
#include "apps/failure.h"
#include "apps/remote_commands.h"
#include "apps/serve_gateway.h"
#include "apps/top_command.h"
#include "os/process_title.h"

// The gateway, and the commands that speak HTTP.
namespace holdfast {
namespace {

int Main(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == kServeGatewayArgument) {
    return RunGateway(std::span(arguments).subspan(1));
  }
  const auto command = ParseCommandLine(arguments);
  if (!command) return FailUsage(command.error().message);
  if (const auto* health = std::get_if<HealthcheckCommand>(&*command)) {
    return RunHealthcheck(*health);
  }
  if (const auto* classify = std::get_if<ClassifyCommand>(&*command)) {
    return RunRemoteClassify(*classify);
  }
  if (const auto* top = std::get_if<TopCommand>(&*command)) return RunTop(*top);
  if (const auto* deaths = std::get_if<DeathsCommand>(&*command)) return RunDeaths(*deaths);
  if (const auto* quarantine = std::get_if<QuarantineCommand>(&*command)) {
    return RunQuarantine(*quarantine);
  }
  if (const auto* models = std::get_if<ModelsCommand>(&*command)) return RunModels(*models);
  if (const auto* drill = std::get_if<DrillCommand>(&*command)) return RunDrillCommand(*drill);
  return FailUsage("holdfast-gateway is started by holdfast; try 'holdfast --help'");
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  holdfast::InitProcessTitle(argc, argv);
  return holdfast::Main(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
