// SPDX-License-Identifier: Apache-2.0
#include "worker/command_streams.h"

#include <fmt/format.h>

#include <string>

namespace holdfast {

void WriteError(const CommandStreams& streams, std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  fmt::print(streams.err, "holdfast: {}\n", line);
}

int FailCommand(const CommandStreams& streams, const Error& error) {
  WriteError(streams, error.message);
  return Describe(error.reason).exit_code;
}

int FinishCommand(const CommandStreams& streams, int exit_code) {
  if (std::fflush(streams.out) == 0 && std::ferror(streams.out) == 0) return exit_code;
  return FailCommand(streams,
                     {Reason::kInternal, "the answer cannot be written; is the disk full?"});
}

}  // namespace holdfast
