// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>
#include <variant>
#include <vector>

#include "apps/command_line.h"
#include "apps/doctor.h"
#include "apps/failure.h"
#include "apps/model_source.h"
#include "apps/plan_command.h"
#include "apps/resolve_config.h"
#include "apps/scout.h"
#include "apps/serve.h"
#include "apps/sibling_executable.h"
#include "apps/version_report.h"
#include "base/build_id.h"
#include "os/process.h"
#include "os/process_title.h"

// The command line, and the supervisor. What needs a codec, an inference library or HTTP is done by
// a sibling, which parses the same command line again.
namespace holdfast {
namespace {

using Arguments = std::vector<std::string>;

int RunServe(const ServeCommand& command) {
  auto resolved = ResolveConfig(SourcesOf(command));
  if (!resolved) return FailConfig(resolved.error());
  const auto folder = ExecutableFolder();
  if (!folder) return Fail(folder.error());
  const Status chosen = ChooseModels(resolved->config, *folder);
  if (!chosen) return Fail(chosen.error());
  for (const std::string& note : resolved->notes) fmt::print(stderr, "holdfast: {}\n", note);
  const Models models = BringModels(resolved->config);
  if (models.exit_code) return *models.exit_code;
  return RunSupervisor(*resolved, models.mirror);
}

// A build's strings hold no control characters; quotes and backslashes they may.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string FormatVersionJson(const EngineReport& report) {
  std::string engines;
  for (const auto& [name, version] : report.engines) {
    engines += fmt::format("{}{}:{}", engines.empty() ? "" : ",", Quoted(name), Quoted(version));
  }
  return fmt::format("{{\"version\":{},\"build_id\":{},\"compiler\":{},\"engines\":{{{}}}}}\n",
                     Quoted(Version()), Quoted(BuildId()), Quoted(Compiler()), engines);
}

std::string FormatVersionText(const EngineReport& report) {
  std::string text =
      fmt::format("holdfast {}\nbuild    {}\ncompiler {}\n", Version(), BuildId(), Compiler());
  for (const auto& [name, version] : report.engines) {
    text += fmt::format("engine   {} {}\n", name, version);
  }
  return text;
}

// Version and build are told even when the worker is missing: that is when they are asked for.
int RunVersion(const VersionCommand& command) {
  constexpr std::chrono::seconds kTimeout{5};
  const auto answer = AskSibling(kWorkerExecutable, {std::string(kEnginesArgument)}, kTimeout);
  const EngineReport report = answer ? ParseEngineReport(*answer) : EngineReport{};
  const int shown = Show(command.json ? FormatVersionJson(report) : FormatVersionText(report));
  if (!answer) return Fail(answer.error());
  if (report.build_id != BuildId()) {
    return Fail(Error{Reason::kUnavailable,
                      fmt::format("{} is of another build, {}; try to install the three "
                                  "executables together",
                                  kWorkerExecutable, report.build_id)});
  }
  return shown;
}

struct Dispatch {
  const Arguments& arguments;

  int operator()(const ShowText& show) const { return Show(show.text); }
  int operator()(const ServeCommand& command) const { return RunServe(command); }
  int operator()(const DoctorCommand& command) const { return RunDoctor(command); }
  int operator()(const VersionCommand& command) const { return RunVersion(command); }
  int operator()(const PlanCommand& command) const { return RunPlanCommand(command); }
  int operator()(const PackCommand&) const { return Become(kWorkerExecutable); }
  int operator()(const InspectCommand&) const { return Become(kWorkerExecutable); }
  int operator()(const TuneCommand&) const { return Become(kWorkerExecutable); }
  int operator()(const HealthcheckCommand&) const { return Become(kGatewayExecutable); }
  int operator()(const TopCommand&) const { return Become(kGatewayExecutable); }
  int operator()(const DeathsCommand&) const { return Become(kGatewayExecutable); }
  int operator()(const QuarantineCommand&) const { return Become(kGatewayExecutable); }
  int operator()(const ModelsCommand&) const { return Become(kGatewayExecutable); }
  int operator()(const DrillCommand&) const { return Become(kGatewayExecutable); }
  int operator()(const ClassifyCommand& command) const {
    return Become(command.server.empty() ? kWorkerExecutable : kGatewayExecutable);
  }

  int Become(std::string_view sibling) const { return Fail(BecomeSibling(sibling, arguments)); }
};

int Main(const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == kScoutArgument) {
    return RunScout(std::span(arguments).subspan(1));
  }
  const auto command = ParseCommandLine(arguments);
  if (!command) return FailUsage(command.error().message);
  return std::visit(Dispatch{arguments}, *command);
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  holdfast::InitProcessTitle(argc, argv);
  return holdfast::Main(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
