// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/strong_id.h"
#include "os/shared_memory.h"
#include "os/unique_fd.h"

namespace holdfast {

// What a worker says of one item. Read out of shared memory as a copy, and only then believed.
struct WorkerAnswer {
  ItemId item;
  Reason reason = Reason::kInternal;
  std::string detail;         // Why not kOk: what the client may read.
  std::vector<float> scores;  // The model's output row, when kOk.
  std::uint32_t preprocess_us = 0;
  std::uint32_t infer_us = 0;
};

// The memory that one gateway and one worker share for one item at a time.
//
//   [ header page | scores | request bytes ]
//
// One writer per word: the request is the gateway's, all else the worker's. The worker may scribble
// over everything at any time, so the gateway copies, then checks the copy. There is no lock: a
// dead owner could not release it.
class Arena {
 public:
  static constexpr std::size_t kScoresMax = 65'536;
  static constexpr std::size_t kDetailMax = 512;

  // Memory for items of up to `request_bytes_max`.
  static Result<UniqueFd> Make(std::size_t request_bytes_max);
  static Result<Arena> Map(int fd);

  std::size_t request_capacity() const;

  // --- The gateway's side ---
  void WriteRequest(ByteView request);
  // Whether the worker has begun `item`: its death from then on may be the item's own.
  bool HasBegun(ItemId item) const;
  // A copy of the answer. kOutputInvalid when its sizes or numbers make no sense.
  Result<WorkerAnswer> ReadAnswer() const;

  // --- The worker's side ---
  void MarkBegun(ItemId item);
  ByteView Request(std::size_t bytes) const;
  // Where the scores of the answer go; at most kScoresMax.
  std::span<float> Scores(std::size_t count);
  void WriteAnswer(ItemId item, Reason reason, std::string_view detail, std::size_t scores,
                   std::uint32_t preprocess_us, std::uint32_t infer_us);

 private:
  struct Header;
  explicit Arena(SharedMemory memory) : memory_(std::move(memory)) {}
  Header& header() const;

  SharedMemory memory_;
};

}  // namespace holdfast
