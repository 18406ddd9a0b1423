// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>

#include "worker/command_streams.h"

namespace holdfast {

class Backend;

// What `holdfast inspect` is asked for.
struct InspectOptions {
  std::filesystem::path folder;  // NAME/VERSION/, or NAME/ for its highest version.
  bool json = false;             // One JSON object instead of text.
};

// Prints what a servable folder holds and everything that is wrong with it: it is read, hashed,
// loaded and its golden examples are run. Returns the exit code: 0, 66 where there is no such
// folder, or 78 where there is a problem.
int Inspect(const InspectOptions& options, std::span<Backend* const> backends,
            const CommandStreams& streams = {});

}  // namespace holdfast
