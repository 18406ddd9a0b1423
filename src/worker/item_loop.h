// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/strong_id.h"
#include "ipc/zygote_options.h"
#include "model/model_key.h"
#include "os/unique_fd.h"

namespace holdfast {

class ModelRunner;

// A worker's start in life, as its zygote hands it over.
struct WorkerStart {
  SlotId slot;
  Generation generation;
  ModelKey key;
  UniqueFd channel;  // To the gateway.
  UniqueFd arena;
  UniqueFd log;      // A pipe that the supervisor reads: stderr.
  pid_t middle = 0;  // The process between zygote and worker, about to end.
  pid_t supervisor = 0;
  Sandboxing sandbox = Sandboxing::kOn;
  std::uint64_t uid = kSameUser;
};

// The life of a worker: walls itself in, says that it is ready, and serves one item at a time until
// the gateway closes the channel. Leaves only by _exit().
[[noreturn]] void RunWorker(WorkerStart start, ModelRunner& runner);

}  // namespace holdfast
