// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "worker/command_streams.h"

namespace holdfast {

class Backend;

// What `holdfast tune` is asked for.
struct TuneOptions {
  std::filesystem::path folder;     // NAME/VERSION/, or NAME/ for its highest version.
  std::vector<std::string> photos;  // Empty: the golden examples; without these, only inference.
  std::chrono::milliseconds time{2000};  // Of one measurement.
  int rounds = 5;                        // Each measures every engine with every number of workers.
  bool dry_run = false;                  // Prints, and writes nothing.
  bool json = false;
};

// Measures on this host how many images a second the servable reaches with each engine that reads
// it and each number of workers that cores allow, one thread a worker; prints the table, chooses by
// ChoosePoint(), and writes the choice into tuned.toml beside model.toml. An engine that cannot
// load it, does not know a golden example, or gives a photo another class than the first engine, is
// no choice. Returns the exit code: 0, 66 where there is no such folder, 78 where no engine serves
// it, 73 where the file cannot be written.
int Tune(const TuneOptions& options, std::span<Backend* const> backends,
         const CommandStreams& streams = {});

}  // namespace holdfast
