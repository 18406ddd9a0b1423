// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/strong_id.h"
#include "ipc/arena.h"
#include "ipc/channel.h"

namespace holdfast {

// The gateway's ends of the workers' channels and arenas: bytes and events, no decisions. Lives on
// the gateway's loop.
class WorkerPool {
 public:
  // Called from the loop, never from inside Send() or Drop().
  struct Events {
    std::function<void(SlotId, Generation)> ready;
    // The worker says that `item` is done; ReadAnswer() has the rest.
    std::function<void(SlotId, Generation, ItemId)> answered;
    // The channel has ended. `begun`: the worker had begun the item that was sent last.
    std::function<void(SlotId, Generation, bool begun)> lost;
  };
  WorkerPool(boost::asio::io_context& loop, Events events);
  ~WorkerPool();

  // Takes a new worker's channel and arena. The slot must be empty.
  Status Add(SlotId slot, Generation generation, UniqueFd channel, UniqueFd arena);
  bool Has(SlotId slot) const { return workers_.contains(slot); }
  std::optional<Generation> GenerationOf(SlotId slot) const;

  // Copies the item into the arena and tells the worker. A worker that is gone says so by its
  // channel's end.
  void Send(SlotId slot, ItemId item, ItemKind kind, ByteView bytes);
  // A copy of the slot's answer, still to be validated.
  Result<WorkerAnswer> ReadAnswer(SlotId slot) const;
  // Closes the channel. Returns whether the item sent last had been begun.
  bool Drop(SlotId slot);
  // Reads every channel now: before a verdict, the answer may be there already.
  void ReadAll();

 private:
  struct Worker;
  void Watch(const std::shared_ptr<Worker>& worker);
  void Read(const std::shared_ptr<Worker>& worker);

  boost::asio::io_context& loop_;
  Events events_;
  std::map<SlotId, std::shared_ptr<Worker>> workers_;
};

}  // namespace holdfast
