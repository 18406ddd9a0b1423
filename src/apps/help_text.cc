// SPDX-License-Identifier: Apache-2.0
#include "apps/help_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kHelpColumn = 30;

// Appends `text` word by word, from column `at`; further lines begin in column `indent`.
void AppendWrapped(std::string& out, std::string_view text, std::size_t at, std::size_t indent) {
  std::size_t column = at;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column != at && column + 1 + word.size() > kColumns) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
      at = indent;
    } else if (column != at) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

void AppendEntry(std::string& out, const std::string& left, std::string_view help) {
  out += "  " + left;
  std::size_t column = 2 + left.size();
  if (column + 2 > kHelpColumn) {
    out += '\n';
    column = 0;
  }
  out.append(kHelpColumn - column, ' ');
  AppendWrapped(out, help, kHelpColumn, kHelpColumn);
}

void AppendOptions(std::string& out, const std::vector<OptionRow>& options) {
  std::vector<std::string> groups;
  for (const OptionRow& option : options) {
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  }
  // The group without a name holds --help; it comes last.
  std::ranges::stable_partition(groups, [](const std::string& group) { return !group.empty(); });
  for (const std::string& group : groups) {
    out += fmt::format("\n{}:\n", group.empty() ? "Options" : group);
    for (const OptionRow& option : options) {
      if (option.group == group) {
        AppendEntry(out, FormatSpellings(option), FormatOptionHelp(option));
      }
    }
  }
}

std::string RenderOverview(const std::vector<CommandRow>& commands) {
  std::string out =
      "Usage: holdfast COMMAND [OPTION]...\n\n"
      "A model server for image classifiers whose requests survive its workers.\n\nCommands:\n";
  for (const CommandRow& command : commands) {
    if (!command.hidden) AppendEntry(out, command.name, command.summary);
  }
  out +=
      "\nStart here:\n"
      "  holdfast serve\n"
      "  curl --data-binary @cat.jpg http://localhost:8080/classify\n\n"
      "'holdfast COMMAND --help' tells more about a command.\n";
  return out;
}

}  // namespace

const std::vector<ExitCodeRow>& ExitCodes() {
  static const std::vector<ExitCodeRow> rows{
      {0, "It worked; for serve: everything accepted was answered."},
      {1, "healthcheck: the server is not ready, or does not answer."},
      {64, "The command line or a variable is wrong."},
      {65, "A file is no picture that can be read."},
      {66, "A file or folder is missing."},
      {69, "Something needed is not available: a port is in use, a server does not answer."},
      {70, "A fault of holdfast itself."},
      {78, "A model or the configuration file is wrong."},
  };
  return rows;
}

std::string FormatUsage(const CommandRow& command) {
  std::string usage = "holdfast " + command.name;
  if (!command.options.empty()) usage += " [OPTION]...";
  for (const OptionRow& argument : command.arguments) {
    const std::string& name = argument.spellings.front();
    const std::string_view more = argument.repeated ? "..." : "";
    usage +=
        argument.required ? fmt::format(" {}{}", name, more) : fmt::format(" [{}]{}", name, more);
  }
  return usage;
}

std::string FormatSpellings(const OptionRow& option) {
  std::string text = fmt::format("{}", fmt::join(option.spellings, ", "));
  const bool is_argument = !option.spellings.front().starts_with("-");
  if (!option.value.empty() && !is_argument) text += ' ' + option.value;
  return text;
}

std::string FormatOptionHelp(const OptionRow& option) {
  std::string help = option.help;
  const bool is_argument = !option.spellings.front().starts_with("-");
  if (is_argument && option.value.find('|') != std::string::npos) {
    help += " One of ";  // With spaces: many would not fit on a line.
    for (const char c : option.value) help += c == '|' ? std::string(", ") : std::string(1, c);
    help += '.';
  }
  if (option.required && !is_argument) help += " Required.";
  if (option.repeated && !is_argument) help += " May be repeated.";
  if (!option.default_value.empty()) help += fmt::format(" Default: {}.", option.default_value);
  return help;
}

std::string RenderHelp(std::string_view command, const std::vector<CommandRow>& commands) {
  const auto row = std::ranges::find(commands, command, &CommandRow::name);
  if (row == commands.end()) return RenderOverview(commands);
  std::string out = fmt::format("Usage: {}\n\n", FormatUsage(*row));
  AppendWrapped(out, row->description.empty() ? row->summary : row->description, 0, 0);
  if (!row->arguments.empty()) {
    out += "\nArguments:\n";
    for (const OptionRow& argument : row->arguments) {
      AppendEntry(out, FormatSpellings(argument), FormatOptionHelp(argument));
    }
  }
  AppendOptions(out, row->options);
  if (!row->examples.empty()) out += "\nExamples:\n";
  for (const std::string& example : row->examples) out += "  " + example + '\n';
  return out;
}

}  // namespace holdfast
