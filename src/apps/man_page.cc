// SPDX-License-Identifier: Apache-2.0
#include "apps/man_page.h"

#include <fmt/format.h>

#include <string_view>

#include "apps/help_text.h"
#include "apps/settings.h"
#include "base/build_id.h"

namespace holdfast {
namespace {

// roff takes a dash for a hyphen, a backslash for a command, and a line that begins with a dot or a
// quote for a request.
std::string Escape(std::string_view text) {
  std::string out;
  if (text.starts_with(".") || text.starts_with("'")) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

void AppendOption(std::string& out, const OptionRow& option) {
  out +=
      fmt::format(".TP\n\\fB{}\\fR", Escape(fmt::format("{}", fmt::join(option.spellings, ", "))));
  if (option.spellings.front().starts_with("-") && !option.value.empty()) {
    out += fmt::format(" \\fI{}\\fR", Escape(option.value));
  }
  out += fmt::format("\n{}\n", Escape(FormatOptionHelp(option)));
}

void AppendCommand(std::string& out, const CommandRow& command) {
  out += fmt::format(".SS {}\n\\fB{}\\fR\n.PP\n{}\n", Escape(command.name),
                     Escape(FormatUsage(command)),
                     Escape(command.description.empty() ? command.summary : command.description));
  for (const OptionRow& argument : command.arguments) AppendOption(out, argument);
  for (const OptionRow& option : command.options) {
    if (option.spellings.back() != "--help") AppendOption(out, option);
  }
}

}  // namespace

std::string RenderManPage(const std::vector<CommandRow>& commands) {
  std::string out = fmt::format(
      ".TH HOLDFAST 1 \"\" \"holdfast {}\" \"User Commands\"\n"
      ".SH NAME\nholdfast \\- model server for image classifiers\n"
      ".SH SYNOPSIS\n\\fBholdfast\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
      ".SH DESCRIPTION\nServes image classifiers over HTTP and gRPC. Once a request has been "
      "read, no crash, hang or kill of a worker loses it.\n"
      ".SH COMMANDS\n",
      Version());
  for (const CommandRow& command : commands) {
    if (!command.hidden) AppendCommand(out, command);
  }
  out += ".SH EXIT STATUS\n";
  for (const ExitCodeRow& row : ExitCodes()) {
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", row.code, Escape(row.meaning));
  }
  out +=
      ".SH ENVIRONMENT\n.TP\n\\fBHOLDFAST_CONFIG\\fR\nThe configuration file, where \\-\\-config "
      "gives none.\n";
  for (const Setting& setting : Settings()) {
    out += fmt::format(".TP\n\\fB{}\\fR\nAs \\-\\-{}", VariableName(setting.name),
                       Escape(FlagName(setting.name)));
    if (!setting.variable_alias.empty()) out += fmt::format("; {} as well", setting.variable_alias);
    out += ".\n";
  }
  out += ".SH EXAMPLES\n.nf\n";
  for (const CommandRow& command : commands) {
    for (const std::string& example : command.examples) out += Escape(example) + '\n';
  }
  out += ".fi\n";
  return out;
}

}  // namespace holdfast
