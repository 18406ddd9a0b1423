// SPDX-License-Identifier: Apache-2.0
#include "apps/reference.h"

#include <fmt/format.h>

#include <string_view>

#include "apps/help_text.h"
#include "apps/settings.h"

namespace holdfast {
namespace {

// A bar would end a table's cell.
std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string Code(std::string_view text) {
  return text.empty() ? "" : fmt::format("`{}`", Cell(text));
}

std::string_view TomlExample(const Setting& setting) {
  return IsNumber(setting) ? (setting.unit == "bytes" ? "number or size" : "number") : "text";
}

}  // namespace

std::string RenderCommandReference(const std::vector<CommandRow>& commands) {
  std::string out =
      "# Command line\n\n"
      "Made by `holdfast reference cli` from the definitions that the parser uses. Do not edit.\n\n"
      "In the name of a flag `_` and `-` are the same, so that `--model_name` works. Of a flag of\n"
      "`serve` that is given several times the last one counts.\n";
  for (const CommandRow& command : commands) {
    if (command.hidden) continue;
    out += fmt::format("\n## {}\n\n```\n{}\n```\n\n{}\n", command.name, FormatUsage(command),
                       command.description.empty() ? command.summary : command.description);
    if (command.name == "serve") {
      out +=
          "\nThe flags are listed with variables and keys in "
          "[configuration.md](configuration.md).\n";
    } else {
      out += "\n| | |\n|---|---|\n";
      for (const OptionRow& argument : command.arguments) {
        out += fmt::format("| {} | {} |\n", Code(FormatSpellings(argument)),
                           Cell(FormatOptionHelp(argument)));
      }
      for (const OptionRow& option : command.options) {
        out += fmt::format("| {} | {} |\n", Code(FormatSpellings(option)),
                           Cell(FormatOptionHelp(option)));
      }
    }
    if (command.examples.empty()) continue;
    out += fmt::format("\n```\n{}\n```\n", fmt::join(command.examples, "\n"));
  }
  out += "\n## Exit codes\n\n| code | when |\n|--:|---|\n";
  for (const ExitCodeRow& row : ExitCodes()) {
    out += fmt::format("| {} | {} |\n", row.code, row.meaning);
  }
  out += "\nWhat is wrong is said in one line each on standard error, with what to do.\n";
  return out;
}

std::string RenderConfigurationReference() {
  std::string out =
      "# Configuration of `holdfast serve`\n\n"
      "Made by `holdfast reference configuration` from the table that the server uses. Do not "
      "edit.\n\n"
      "A setting is taken from the first of these that has it: its flag, its variable, the\n"
      "configuration file (`--config FILE` or `HOLDFAST_CONFIG`), its default. The file is TOML,\n"
      "one key for each setting, without sections. Unknown flags, `HOLDFAST_*` variables and keys\n"
      "are refused, and all that is wrong is reported at once.\n\n"
      "- An empty variable counts as not set.\n"
      "- Variables that Kubernetes makes for a service named `holdfast` are ignored.\n"
      "- Sizes take `KiB`, `MiB` and `GiB`.\n"
      "- The file is not read again while the server runs.\n";
  const ServerConfig defaults;
  std::string_view group;
  for (const Setting& setting : Settings()) {
    if (setting.group != group) {
      group = setting.group;
      out += fmt::format(
          "\n## {}\n\n| flag | variable | key | default | values | unit | meaning |\n"
          "|---|---|---|---|---|---|---|\n",
          group);
    }
    std::string flags = Code("--" + FlagName(setting.name));
    if (!setting.flag_alias.empty()) flags += fmt::format(", `--{}`", setting.flag_alias);
    std::string variables = Code(VariableName(setting.name));
    if (!setting.variable_alias.empty()) variables += fmt::format(", `{}`", setting.variable_alias);
    out +=
        fmt::format("| {} | {} | {} ({}) | {} | {} | {} | {} |\n", flags, variables,
                    Code(setting.name), TomlExample(setting), Code(FormatValue(setting, defaults)),
                    DescribeValues(setting), setting.unit, Cell(setting.help));
  }
  out +=
      "\n## Flags of TensorFlow Serving\n\n"
      "`--model_name`, `--model_base_path`, `--rest_api_port`, `--port` and\n"
      "`--rest_api_timeout_in_ms` mean what they mean there, except that port 0 takes a free port\n"
      "and switches nothing off. `--enable_batching` is accepted and has no effect.\n"
      "`--model_config_file` is refused: give a folder of models.\n";
  return out;
}

}  // namespace holdfast
