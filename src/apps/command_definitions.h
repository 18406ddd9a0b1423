// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/command_line.h"

namespace CLI {
class App;
}

namespace holdfast {

// One command: its parser, and what it has parsed. The only source of what a command takes.
struct CommandDefinition {
  std::string name;
  std::string summary;
  std::string description;
  std::vector<std::string> examples;
  bool hidden = false;
  bool takes_settings = false;  // What it does not know is judged with the other sources of them.
  std::shared_ptr<CLI::App> app;
  std::function<Command()> take;  // Once `app` has parsed.
};

std::vector<CommandDefinition> DefineCommands();

}  // namespace holdfast
