// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "apps/resolve_config.h"

namespace holdfast {

// What the command line asks for, a struct for each command. Plain types only: the same parser runs
// in all three executables, and `holdfast` links neither codec nor inference library.

// Help, completion script, man page: text for the standard output.
struct ShowText {
  std::string text;
};

struct ServeCommand {
  std::string config_file;
  std::vector<GivenFlag> flags;
  std::vector<std::string> extras;  // Judged together with the other sources; see ResolveConfig.
};

// With this process's environment.
ConfigSources SourcesOf(const ServeCommand& command);

// `serve` has the settings of the server that the host is examined for.
struct DoctorCommand {
  ServeCommand serve;
  std::optional<std::chrono::seconds> balancer_idle;  // The load balancer's idle timeout.
  std::optional<std::chrono::seconds> stop_timeout;   // From the platform's SIGTERM to its SIGKILL.
  bool json = false;
};

struct PackCommand {
  std::string model_file;
  std::string model_repository;
  std::string name;
  std::optional<std::int64_t> version;
  std::string labels_file;
  std::string preset = "torchvision";
  std::vector<std::string> preprocessing;
  std::string output;
  std::vector<std::string> golden;
  std::string description;
  bool force = false;
};

struct InspectCommand {
  std::string folder;
  bool json = false;
};

struct TuneCommand {
  std::string folder;
  std::vector<std::string> photos;
  double seconds = 2;  // Of one measurement.
  int rounds = 5;
  bool dry_run = false;
  bool json = false;
};

struct PlanCommand {
  double rate = 0;
  double deadline_ms = 0;
  std::optional<double> p99_ms;
  std::optional<double> budget;
  std::string model;  // A servable folder with its tuned.toml.
  std::string model_name = "resnet50";
  std::string region = "us-east-1";
  std::string kit = "ec2-autoscaling";
  std::vector<std::string> types;
  std::string output;
  bool json = false;
};

struct ClassifyCommand {
  std::vector<std::string> files;
  std::string model;
  std::string model_repository;
  std::string server;  // Empty: classify in this machine's own worker.
  std::size_t top = 5;
  bool json = false;
  std::chrono::seconds timeout{30};
};

struct HealthcheckCommand {
  std::string url;  // Empty: this machine's server, on the port that the environment tells.
  std::chrono::seconds timeout{4};
};

struct DeathsCommand {
  std::string server;  // The admin address; empty: this machine's.
  bool json = false;
};

struct TopCommand {
  std::string server;  // As DeathsCommand's.
  std::chrono::milliseconds interval{1000};
  bool once = false;
};

struct QuarantineCommand {
  bool clear = false;  // Else: list.
  std::string server;
  bool json = false;
};

struct ModelsCommand {
  enum class Action { kList, kLoad, kUnload, kLabel, kCanary, kShadow, kPromote, kRollBack };
  Action action = Action::kList;
  std::string model;  // What to load, unload, label or try.
  std::string label;  // LABEL=VERSION, LABEL to take it away, or a VERSION to try.
  // How it is tried: a parameter of the server's rollout order, and its value.
  std::vector<std::pair<std::string, std::string>> rule;
  std::string server;  // The admin address; empty: this machine's.
  bool json = false;
};

struct DrillCommand {
  std::string server;               // The admin address; empty: this machine's.
  std::vector<std::string> faults;  // Words of base/drill_fault.h; empty: all.
  std::vector<std::string> photos;  // Empty: generated pictures.
  std::chrono::seconds duration{30};
  std::chrono::seconds every{2};
  std::optional<double> rate;
  bool watch = false;
  bool yes = false;
  bool json = false;
};

struct VersionCommand {
  bool json = false;
};

using Command =
    std::variant<ShowText, ServeCommand, DoctorCommand, PackCommand, InspectCommand, TuneCommand,
                 PlanCommand, ClassifyCommand, HealthcheckCommand, TopCommand, DeathsCommand,
                 QuarantineCommand, ModelsCommand, DrillCommand, VersionCommand>;

// What is wrong with a command line, fit to print after "holdfast: ".
struct UsageError {
  std::string message;
};

// `arguments` without the program's name. `_` and `-` are the same in the name of a flag.
tl::expected<Command, UsageError> ParseCommandLine(std::span<const std::string> arguments);

// An option or argument of a command.
struct OptionRow {
  std::vector<std::string> spellings;  // "--http-port", "--rest-api-port"; an argument's name.
  std::string value;                   // "PORT"; "on|off" lists choices; empty for a switch.
  std::string help;
  std::string default_value;
  std::string group;
  bool required = false;
  bool repeated = false;
};

// A command as --help, completion, man page and reference show it.
struct CommandRow {
  std::string name;
  std::string summary;
  std::string description;
  std::vector<std::string> examples;
  std::vector<OptionRow> arguments;
  std::vector<OptionRow> options;
  bool hidden = false;
};

// All commands, made from the very definitions that ParseCommandLine parses with.
std::vector<CommandRow> DescribeCommands();

}  // namespace holdfast
