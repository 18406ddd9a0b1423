// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "gateway/http/face.h"

namespace holdfast {

// The first answers to requests with an Idempotency-Key, so that the same request is answered the
// same way again without running again, and two at a time run once. Source of the header's meaning:
// draft-ietf-httpapi-idempotency-key-header-07. Bounded in bytes; the oldest answer goes first.
// Time is the caller's. Lives on the gateway's loop.
class IdempotentAnswers {
 public:
  struct Limits {
    Duration lifetime = std::chrono::minutes(10);  // Of an answer, from when it was given.
    std::size_t bytes_max = 0;                     // Of all answers; 0: keys mean nothing.
  };
  // What a request with a key is to do.
  enum class Turn {
    kRun,     // It is the first: the caller holds a Lease while it runs.
    kReplay,  // Answer() has what the first was answered.
    kWait,    // The first runs: ask again once Await() wakes.
    kReused,  // The key stands for another request.
  };
  using Wake = std::function<void()>;

  // Of the request that runs: tells those who wait that it has ended, whatever becomes of it.
  class Lease {
   public:
    Lease(IdempotentAnswers& answers, std::string key) : answers_(&answers), key_(std::move(key)) {}
    Lease(Lease&& other) noexcept
        : answers_(std::exchange(other.answers_, nullptr)), key_(std::move(other.key_)) {}
    Lease& operator=(Lease&&) = delete;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      if (answers_ != nullptr) answers_->End(key_, nullptr, {});
    }
    // Keeps the answer if the same request would get it again; at most once.
    void Finish(const HttpAnswer& answer, TimePoint now) {
      if (answers_ != nullptr) std::exchange(answers_, nullptr)->End(key_, &answer, now);
    }

   private:
    IdempotentAnswers* answers_;
    std::string key_;
  };

  explicit IdempotentAnswers(const Limits& limits) : limits_(limits) {}

  bool on() const { return limits_.bytes_max > 0; }
  // `request`: a digest of all that the answer depends on.
  Turn Begin(const std::string& key, const std::string& request, TimePoint now);
  // After kReplay, until the next call.
  const HttpAnswer& Answer(const std::string& key) const { return entries_.at(key).answer; }
  // After kWait: calls `wake` once, when the request that runs has ended.
  void Await(const std::string& key, Wake wake) {
    entries_.at(key).waiting.push_back(std::move(wake));
  }

  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string request;
    bool running = true;
    std::vector<Wake> waiting;
    HttpAnswer answer;
    std::size_t bytes = 0;
  };

  void End(const std::string& key, const HttpAnswer* answer, TimePoint now);
  void DropOldest();
  std::size_t SizeOf(const std::string& key, const Entry& entry, const HttpAnswer& answer) const;

  Limits limits_;
  std::unordered_map<std::string, Entry> entries_;
  std::deque<std::pair<TimePoint, std::string>> kept_;  // When it was given, and its key.
  std::size_t bytes_ = 0;
};

// kBadRequest unless it has 1 to 255 visible ASCII characters.
Status CheckIdempotencyKey(std::string_view key);

}  // namespace holdfast
