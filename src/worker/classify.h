// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "image/limits.h"
#include "worker/command_streams.h"

namespace holdfast {

class Backend;

// What `holdfast classify` is asked for, when it asks no server.
struct ClassifyOptions {
  std::filesystem::path folder;    // NAME/VERSION/, or NAME/ for its highest version.
  std::vector<std::string> files;  // "-" is the standard input.
  std::size_t top = 5;             // Classes shown a file; fewer where the model has fewer.
  bool json = false;               // One JSON object a file and line, with /classify's field names.
  std::size_t file_bytes_max = MiB(64);
  ImageLimits limits;
};

// Classifies image files in this process, by the code that a worker runs. A file that cannot be
// classified costs only its own answer. Returns the exit code: 0, or the highest one among the
// reasons that files failed for.
int Classify(const ClassifyOptions& options, std::span<Backend* const> backends,
             const CommandStreams& streams = {});

}  // namespace holdfast
