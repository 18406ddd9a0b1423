// SPDX-License-Identifier: Apache-2.0
#include "gateway/worker_pool.h"

#include <vector>

#include "base/check.h"

namespace holdfast {

// Shared with the handler that waits on the channel, which may run once more after Drop().
struct WorkerPool::Worker {
  Worker(boost::asio::io_context& loop, SlotId slot_id, Generation generation_id, UniqueFd socket,
         Arena shared)
      : slot(slot_id),
        generation(generation_id),
        waiter(loop, socket.get()),
        channel(std::move(socket)),
        arena(std::move(shared)) {}
  ~Worker() { (void)waiter.release(); }  // The channel closes the descriptor.

  SlotId slot;
  Generation generation;
  boost::asio::posix::stream_descriptor waiter;
  Channel channel;
  Arena arena;
  std::optional<ItemId> item;
  bool dropped = false;
};

WorkerPool::WorkerPool(boost::asio::io_context& loop, Events events)
    : loop_(loop), events_(std::move(events)) {}

WorkerPool::~WorkerPool() {
  while (!workers_.empty()) Drop(workers_.begin()->first);
}

Status WorkerPool::Add(SlotId slot, Generation generation, UniqueFd channel, UniqueFd arena) {
  CHECK(!Has(slot));
  Arena mapped = TRY(Arena::Map(arena.get()));
  auto worker =
      std::make_shared<Worker>(loop_, slot, generation, std::move(channel), std::move(mapped));
  workers_[slot] = worker;
  Watch(worker);
  return {};
}

std::optional<Generation> WorkerPool::GenerationOf(SlotId slot) const {
  const auto entry = workers_.find(slot);
  if (entry == workers_.end()) return std::nullopt;
  return entry->second->generation;
}

void WorkerPool::Send(SlotId slot, ItemId item, ItemKind kind, ByteView bytes) {
  Worker& worker = *workers_.at(slot);
  worker.item = item;
  worker.arena.WriteRequest(bytes);
  worker.channel.Send({.kind = MessageKind::kItem,
                       .slot = slot,
                       .generation = worker.generation,
                       .code = static_cast<std::uint32_t>(kind),
                       .item = item,
                       .value = bytes.size()});
}

Result<WorkerAnswer> WorkerPool::ReadAnswer(SlotId slot) const {
  return workers_.at(slot)->arena.ReadAnswer();
}

bool WorkerPool::Drop(SlotId slot) {
  const auto entry = workers_.find(slot);
  if (entry == workers_.end()) return false;
  Worker& worker = *entry->second;
  const bool begun = worker.item.has_value() && worker.arena.HasBegun(*worker.item);
  worker.dropped = true;
  (void)worker.waiter.release();  // Cancels the wait.
  worker.channel.Close();
  workers_.erase(entry);
  return begun;
}

void WorkerPool::ReadAll() {
  std::vector<std::shared_ptr<Worker>> all;
  for (const auto& [slot, worker] : workers_) all.push_back(worker);
  for (const auto& worker : all) Read(worker);
}

void WorkerPool::Watch(const std::shared_ptr<Worker>& worker) {
  worker->waiter.async_wait(boost::asio::posix::descriptor_base::wait_read,
                            [this, worker](const boost::system::error_code& error) {
                              if (error || worker->dropped) return;
                              Read(worker);
                              if (!worker->dropped) Watch(worker);
                            });
}

void WorkerPool::Read(const std::shared_ptr<Worker>& worker) {
  Channel::Incoming incoming;
  while (!worker->dropped) {
    const auto state = worker->channel.Receive(incoming);
    if (state == Channel::State::kNothingYet) return;
    const Message& message = incoming.message;
    const bool of_its_own =
        message.slot == worker->slot && message.generation == worker->generation;
    if (state == Channel::State::kMessage && of_its_own && message.kind == MessageKind::kReady) {
      events_.ready(worker->slot, worker->generation);
    } else if (state == Channel::State::kMessage && of_its_own &&
               message.kind == MessageKind::kAnswer) {
      events_.answered(worker->slot, worker->generation, message.item);
    } else {
      const bool begun = Drop(worker->slot);
      events_.lost(worker->slot, worker->generation, begun);
    }
  }
}

}  // namespace holdfast
