// SPDX-License-Identifier: Apache-2.0
#include "apps/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace holdfast {
namespace {

// A message may quote a name that somebody else chose; a line stays one line.
void WriteLine(std::string_view text) {
  std::string line = fmt::format("holdfast: {}", text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  fmt::print(stderr, "{}\n", line);
}

}  // namespace

int Fail(const Error& error) {
  WriteLine(error.message);
  return Describe(error.reason).exit_code;
}

int FailUsage(std::string_view message) {
  WriteLine(message);
  return Describe(Reason::kUsage).exit_code;
}

int FailConfig(const std::vector<ConfigProblem>& problems) {
  for (const ConfigProblem& problem : problems) {
    WriteLine(fmt::format("{}: {}", problem.where, problem.what));
  }
  const auto least = std::ranges::min_element(problems, {}, &ConfigProblem::exit_code);
  return least == problems.end() ? 0 : least->exit_code;
}

int Show(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return 0;
  return Fail(Error{Reason::kInternal, "standard output cannot be written; is the disk full?"});
}

}  // namespace holdfast
