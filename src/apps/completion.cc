// SPDX-License-Identifier: Apache-2.0
#include "apps/completion.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace holdfast {
namespace {

enum class Completes { kNothing, kFiles, kFolders, kChoices };

Completes CompletionOf(const OptionRow& option) {
  if (option.value.find('|') != std::string::npos) return Completes::kChoices;
  if (option.value == "DIR") return Completes::kFolders;
  if (option.value == "FILE" || option.value == "PHOTO[=CLASS]") return Completes::kFiles;
  return Completes::kNothing;
}

std::string ChoicesOf(const OptionRow& option) {
  std::string words = option.value;
  std::ranges::replace(words, '|', ' ');
  return words;
}

std::vector<CommandRow> Visible(const std::vector<CommandRow>& commands) {
  std::vector<CommandRow> visible = commands;
  std::erase_if(visible, [](const CommandRow& command) { return command.hidden; });
  return visible;
}

std::string NamesOf(const std::vector<CommandRow>& commands) {
  std::vector<std::string> names;
  for (const CommandRow& command : commands) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, " "));
}

// What a word completes to, as bash code that fills COMPREPLY.
std::string BashAction(const OptionRow& option, const std::string& command_names) {
  switch (CompletionOf(option)) {
    case Completes::kChoices:
      return fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", ChoicesOf(option));
    case Completes::kFolders:
      return "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))";
    case Completes::kFiles:
      return "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))";
    case Completes::kNothing:
      break;
  }
  if (option.value == "COMMAND") {
    return fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", command_names);
  }
  return ":";
}

std::string RenderBash(const std::vector<CommandRow>& commands) {
  const std::string names = NamesOf(commands);
  std::string out = fmt::format(
      "# Completion of holdfast for bash. Made by 'holdfast completion bash'.\n"
      "_holdfast() {{\n"
      "  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W '{} --help --version' -- \"$cur\"))\n"
      "    return\n"
      "  fi\n"
      "  case ${{COMP_WORDS[1]}} in\n",
      names);
  for (const CommandRow& command : commands) {
    out += fmt::format("    {})\n      case $prev in\n", command.name);
    std::vector<std::string> flags;
    for (const OptionRow& option : command.options) {
      flags.insert(flags.end(), option.spellings.begin(), option.spellings.end());
      if (!option.value.empty()) {
        out += fmt::format("        {}) {}; return ;;\n", fmt::join(option.spellings, "|"),
                           BashAction(option, names));
      }
    }
    out += fmt::format(
        "      esac\n"
        "      if [[ $cur == -* ]]; then\n"
        "        COMPREPLY=($(compgen -W '{}' -- \"$cur\"))\n"
        "        return\n"
        "      fi\n",
        fmt::join(flags, " "));
    if (!command.arguments.empty()) {
      out += fmt::format("      {}\n", BashAction(command.arguments.front(), names));
    }
    out += "      ;;\n";
  }
  out += "  esac\n}\ncomplete -F _holdfast holdfast\n";
  return out;
}

// Inside single quotes, and inside zsh's brackets, where a colon would end the text.
std::string Quote(std::string_view text, std::string_view escaped) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (escaped.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string ZshAction(const OptionRow& option, const std::string& command_names) {
  switch (CompletionOf(option)) {
    case Completes::kChoices:
      return fmt::format("({})", ChoicesOf(option));
    case Completes::kFolders:
      return "_files -/";
    case Completes::kFiles:
      return "_files";
    case Completes::kNothing:
      break;
  }
  return option.value == "COMMAND" ? fmt::format("({})", command_names) : "";
}

std::string RenderZsh(const std::vector<CommandRow>& commands) {
  const std::string names = NamesOf(commands);
  std::string out =
      "#compdef holdfast\n"
      "# Completion of holdfast for zsh. Made by 'holdfast completion zsh'.\n"
      "_holdfast() {\n"
      "  local -a commands=(\n";
  for (const CommandRow& command : commands) {
    out += fmt::format("    '{}:{}'\n", command.name, Quote(command.summary, ":\\"));
  }
  out +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n";
  for (const CommandRow& command : commands) {
    out += fmt::format("    {})\n      _arguments", command.name);
    for (const OptionRow& option : command.options) {
      for (const std::string& spelling : option.spellings) {
        out += fmt::format(" \\\n        '{}{}[{}]", option.repeated ? "*" : "", spelling,
                           Quote(option.help, "[]:\\"));
        if (!option.value.empty()) {
          out += fmt::format(":{}:{}", Quote(option.value, "[]:\\"), ZshAction(option, names));
        }
        out += '\'';
      }
    }
    for (const OptionRow& argument : command.arguments) {
      out += fmt::format(" \\\n        '{}:{}:{}'", argument.repeated ? "*" : "",
                         argument.spellings.front(), ZshAction(argument, names));
    }
    out += "\n      ;;\n";
  }
  out += "  esac\n}\ncompdef _holdfast holdfast\n";
  return out;
}

std::string RenderFish(const std::vector<CommandRow>& commands) {
  const std::string names = NamesOf(commands);
  std::string out =
      "# Completion of holdfast for fish. Made by 'holdfast completion fish'.\n"
      "complete -c holdfast -f\n";
  for (const CommandRow& command : commands) {
    out += fmt::format("complete -c holdfast -n __fish_use_subcommand -a {} -d '{}'\n",
                       command.name, Quote(command.summary, ""));
  }
  const auto action = [&](const OptionRow& option) -> std::string {
    switch (CompletionOf(option)) {
      case Completes::kChoices:
        return fmt::format(" -a '{}'", ChoicesOf(option));
      case Completes::kFolders:
        return " -a '(__fish_complete_directories)'";
      case Completes::kFiles:
        return " -F";
      case Completes::kNothing:
        break;
    }
    return option.value == "COMMAND" ? fmt::format(" -a '{}'", names) : "";
  };
  for (const CommandRow& command : commands) {
    const std::string prefix =
        fmt::format("complete -c holdfast -n '__fish_seen_subcommand_from {}'", command.name);
    for (const OptionRow& argument : command.arguments) out += prefix + action(argument) + '\n';
    for (const OptionRow& option : command.options) {
      out += prefix;
      for (const std::string& spelling : option.spellings) {
        out +=
            spelling.starts_with("--") ? " -l " + spelling.substr(2) : " -s " + spelling.substr(1);
      }
      if (!option.value.empty()) out += " -r" + action(option);
      out += fmt::format(" -d '{}'\n", Quote(option.help, ""));
    }
  }
  return out;
}

}  // namespace

std::string RenderCompletion(std::string_view shell, const std::vector<CommandRow>& commands) {
  const std::vector<CommandRow> visible = Visible(commands);
  if (shell == "zsh") return RenderZsh(visible);
  if (shell == "fish") return RenderFish(visible);
  CHECK(shell == "bash");
  return RenderBash(visible);
}

}  // namespace holdfast
