// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/remote_status.h"

#include <simdjson.h>

#include <algorithm>
#include <limits>

#include "gateway/client/server_answer.h"

namespace holdfast {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

// Reads the members of an object; once one is missing or of another type, nothing more.
class Members {
 public:
  explicit Members(const element& object) : object_(object) {}

  Members& Take(const char* key, std::string& text) {
    std::string_view found;
    ok_ = ok_ && object_[key].get(found) == SUCCESS;
    if (ok_) text = Printable(found);
    return *this;
  }
  Members& Take(const char* key, std::uint64_t& number) {
    ok_ = ok_ && object_[key].get(number) == SUCCESS;
    return *this;
  }
  Members& Take(const char* key, bool& truth) {
    ok_ = ok_ && object_[key].get(truth) == SUCCESS;
    return *this;
  }
  Members& Take(const char* key, std::vector<std::uint64_t>& numbers) {
    simdjson::dom::array array;
    ok_ = ok_ && object_[key].get(array) == SUCCESS;
    if (!ok_) return *this;
    for (const element entry : array) {
      std::uint64_t number = 0;
      ok_ = ok_ && entry.get(number) == SUCCESS;
      numbers.push_back(number);
    }
    return *this;
  }
  template <class Entry, class Read>
  Members& TakeAll(const char* key, std::vector<Entry>& entries, Read read) {
    simdjson::dom::array array;
    ok_ = ok_ && object_[key].get(array) == SUCCESS;
    if (!ok_) return *this;
    for (const element object : array) {
      Members members(object);
      read(members, entries.emplace_back());
      ok_ = ok_ && members.ok();
    }
    return *this;
  }
  bool ok() const { return ok_; }

 private:
  const element& object_;
  bool ok_ = true;
};

bool Read(const element& root, RemoteStatus& status) {
  element requests;
  element queue;
  if (root["requests"].get(requests) != SUCCESS || root["queue"].get(queue) != SUCCESS) {
    return false;
  }
  Members top(root);
  top.Take("version", status.version)
      .Take("unix_ms", status.unix_ms)
      .Take("uptime_ms", status.uptime_ms)
      .Take("ready", status.ready)
      .Take("draining", status.draining)
      .Take("busy_ms", status.busy_ms)
      .Take("ready_ms", status.ready_ms)
      .TakeAll("workers", status.workers,
               [](Members& members, RemoteStatus::Worker& worker) {
                 members.Take("model", worker.model)
                     .Take("slot", worker.slot)
                     .Take("generation", worker.generation)
                     .Take("pid", worker.pid)
                     .Take("state", worker.state)
                     .Take("busy_ms", worker.busy_ms)
                     .Take("age_ms", worker.age_ms)
                     .Take("answered", worker.answered);
               })
      .TakeAll("errors", status.errors, [](Members& members, RemoteStatus::Error& error) {
        members.Take("reason", error.reason)
            .Take("count", error.count)
            .Take("last_unix_ms", error.last_unix_ms)
            .Take("advice", error.advice);
      });
  Members counts(requests);
  counts.Take("answered", status.answered)
      .Take("refused", status.refused)
      .Take("failed", status.failed)
      .Take("mistakes", status.mistakes)
      .Take("rescues", status.rescues)
      .Take("in_flight", status.in_flight)
      .Take("latency_bounds_ms", status.latency_bounds_ms)
      .Take("latency_counts", status.latency_counts);
  Members waiting(queue);
  waiting.Take("items", status.queued).Take("items_max", status.queue_max);
  return top.ok() && counts.ok() && waiting.ok() &&
         status.latency_counts.size() == status.latency_bounds_ms.size() + 1;
}

// Within its class in proportion.
std::optional<double> Quantile(const std::vector<std::uint64_t>& bounds,
                               const std::vector<std::uint64_t>& counts, double share) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  if (total == 0) return std::nullopt;
  double wanted = share * static_cast<double>(total);
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const auto count = static_cast<double>(counts[i]);
    if (count > 0 && wanted <= count) {
      const double low = i == 0 ? 0 : static_cast<double>(bounds[i - 1]);
      return low + (static_cast<double>(bounds[i]) - low) * wanted / count;
    }
    wanted -= count;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

Result<RemoteStatus> ParseStatus(const std::string& json) {
  simdjson::dom::parser parser;
  element root;
  RemoteStatus status;
  if (parser.parse(json).get(root) == SUCCESS && Read(root, status)) return status;
  return Error{Reason::kInternal,
               "the answer is none of a holdfast server's; check the admin address"};
}

std::optional<StatusChange> Between(const RemoteStatus& earlier, const RemoteStatus& later) {
  static const RemoteStatus kNothing;
  const bool replaced = later.uptime_ms < earlier.uptime_ms;
  const RemoteStatus& from = replaced ? kNothing : earlier;
  const std::uint64_t ms =
      replaced ? later.uptime_ms : later.unix_ms - std::min(earlier.unix_ms, later.unix_ms);
  if (ms == 0) return std::nullopt;
  std::vector<std::uint64_t> counts = later.latency_counts;
  for (std::size_t i = 0; i < std::min(counts.size(), from.latency_counts.size()); ++i) {
    counts[i] -= std::min(counts[i], from.latency_counts[i]);
  }
  const double seconds = static_cast<double>(ms) / 1e3;
  StatusChange change{
      .answered_per_s = static_cast<double>(later.answered - from.answered) / seconds,
      .refused_per_s = static_cast<double>(later.refused - from.refused) / seconds,
      .p50_ms = Quantile(later.latency_bounds_ms, counts, 0.5),
      .p99_ms = Quantile(later.latency_bounds_ms, counts, 0.99)};
  const std::uint64_t ready = later.ready_ms - std::min(from.ready_ms, later.ready_ms);
  if (ready > 0) {
    const auto busy = static_cast<double>(later.busy_ms - std::min(from.busy_ms, later.busy_ms));
    change.busy = std::min(busy / static_cast<double>(ready), 1.0);
  }
  return change;
}

}  // namespace holdfast
