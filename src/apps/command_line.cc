// SPDX-License-Identifier: Apache-2.0
#include "apps/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "apps/command_definitions.h"
#include "apps/help_text.h"
#include "base/nearest_name.h"

namespace holdfast {
namespace {

// TensorFlow Serving spells its flags with underscores; we take both.
tl::expected<std::vector<std::string>, UsageError> Normalise(
    std::span<const std::string> arguments) {
  std::vector<std::string> normal(arguments.begin(), arguments.end());
  for (std::string& argument : normal) {
    if (argument == "--") break;
    if (!argument.starts_with("--")) continue;
    const std::size_t equals = std::min(argument.find('='), argument.size());
    std::replace(argument.begin(), argument.begin() + static_cast<std::ptrdiff_t>(equals), '_',
                 '-');
    // The parser would take the next argument for its value.
    if (equals + 1 == argument.size()) {
      return tl::unexpected(
          UsageError{fmt::format("{} has an empty value; give one", argument.substr(0, equals))});
    }
  }
  return normal;
}

std::string UnknownCommand(const std::string& word,
                           const std::vector<CommandDefinition>& definitions) {
  std::vector<std::string> names;
  for (const CommandDefinition& definition : definitions) {
    if (!definition.hidden) names.push_back(definition.name);
  }
  const std::string nearest = NearestName(word, names);
  return nearest.empty() ? fmt::format("no such command: {}; try 'holdfast --help'", word)
                         : fmt::format("no such command: {}; try 'holdfast {}'", word, nearest);
}

// What the parser could not place. It lists "--" among that, though it has heeded it.
std::vector<std::string> Unplaced(const CLI::App& app) {
  std::vector<std::string> words = app.remaining();
  std::erase(words, "--");
  return words;
}

std::string UnknownArgument(const std::string& argument, const CommandDefinition& definition) {
  if (!argument.starts_with("-")) {
    return fmt::format("{}: unexpected argument: {}; try 'holdfast {} --help'", definition.name,
                       argument, definition.name);
  }
  const std::string flag = argument.substr(0, argument.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : definition.app->get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string nearest = NearestName(flag, known);
  return nearest.empty()
             ? fmt::format("{}: no such flag: {}; try 'holdfast {} --help'", definition.name, flag,
                           definition.name)
             : fmt::format("{}: no such flag: {}; try {}", definition.name, flag, nearest);
}

// The one place where the parser's exceptions end.
tl::expected<Command, UsageError> Parse(const CommandDefinition& definition,
                                        std::vector<std::string> arguments) {
  std::ranges::reverse(arguments);
  try {
    definition.app->parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return Command(ShowText{RenderHelp(definition.name, DescribeCommands())});
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> unknown = Unplaced(*definition.app);
    if (!unknown.empty() && unknown.front().starts_with("-")) {
      return tl::unexpected(UsageError{UnknownArgument(unknown.front(), definition)});
    }
    return tl::unexpected(UsageError{fmt::format("{}: {}; try 'holdfast {} --help'",
                                                 definition.name, error.what(), definition.name)});
  }
  // The server's settings come from three sources and are judged together.
  const std::vector<std::string> unknown = Unplaced(*definition.app);
  if (!unknown.empty() && !definition.takes_settings) {
    return tl::unexpected(UsageError{UnknownArgument(unknown.front(), definition)});
  }
  return definition.take();
}

OptionRow DescribeOption(const CLI::Option& option) {
  OptionRow row;
  for (const std::string& name : option.get_snames()) row.spellings.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) row.spellings.push_back("--" + name);
  const bool is_switch = option.get_items_expected_max() == 0;
  if (option.get_positional()) row.spellings.push_back(option.get_name(true));
  if (!is_switch) row.value = option.get_type_name();
  row.help = option.get_description();
  row.default_value = is_switch ? "" : option.get_default_str();
  row.group = option.get_group() == "Options" ? "" : option.get_group();
  row.required = option.get_required();
  row.repeated = option.get_items_expected_max() > 1;
  return row;
}

}  // namespace

tl::expected<Command, UsageError> ParseCommandLine(std::span<const std::string> arguments) {
  if (arguments.empty() || arguments.front() == "--help" || arguments.front() == "-h") {
    return Command(ShowText{RenderHelp("", DescribeCommands())});
  }
  if (arguments.front() == "--version") return Command(VersionCommand{});
  const std::vector<CommandDefinition> definitions = DefineCommands();
  const auto definition =
      std::ranges::find(definitions, arguments.front(), &CommandDefinition::name);
  if (definition == definitions.end()) {
    return tl::unexpected(UsageError{UnknownCommand(arguments.front(), definitions)});
  }
  auto rest = Normalise(arguments.subspan(1));
  if (!rest) return tl::unexpected(rest.error());
  return Parse(*definition, *std::move(rest));
}

ConfigSources SourcesOf(const ServeCommand& command) {
  return {.flags = command.flags,
          .extras = command.extras,
          .environment = ReadEnvironment(),
          .config_file = command.config_file};
}

std::vector<CommandRow> DescribeCommands() {
  std::vector<CommandRow> rows;
  for (const CommandDefinition& definition : DefineCommands()) {
    CommandRow row{.name = definition.name,
                   .summary = definition.summary,
                   .description = definition.description,
                   .examples = definition.examples,
                   .hidden = definition.hidden};
    for (const CLI::Option* option : definition.app->get_options()) {
      if (option->get_group().empty()) continue;  // Not to be shown.
      (option->get_positional() ? row.arguments : row.options).push_back(DescribeOption(*option));
    }
    // --help is defined first and reads best last.
    std::ranges::rotate(row.options, row.options.begin() + 1);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace holdfast
