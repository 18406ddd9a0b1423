// SPDX-License-Identifier: Apache-2.0
#include "ipc/arena.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <string_view>

#include "base/check.h"

namespace holdfast {

struct Arena::Header {
  std::atomic<std::uint64_t> begun;
  std::uint64_t item;
  std::uint32_t reason;
  std::uint32_t scores;
  std::uint32_t detail_bytes;
  std::uint32_t preprocess_us;
  std::uint32_t infer_us;
  std::array<char, kDetailMax> detail;
};

namespace {

constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kScoresBytes = Arena::kScoresMax * sizeof(float);
constexpr std::size_t kRequestOffset = kHeaderBytes + kScoresBytes;

}  // namespace

Result<UniqueFd> Arena::Make(std::size_t request_bytes_max) {
  return MakeSealedMemory("holdfast-arena", kRequestOffset + request_bytes_max);
}

Result<Arena> Arena::Map(int fd) {
  static_assert(sizeof(Header) <= kHeaderBytes);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  SharedMemory memory = TRY(SharedMemory::Map(fd, SharedMemory::Access::kReadWrite));
  if (memory.bytes().size() <= kRequestOffset) {
    return Error{Reason::kInternal, "map an arena: it is too small"};
  }
  return Arena(std::move(memory));
}

Arena::Header& Arena::header() const {
  return *std::launder(reinterpret_cast<Header*>(memory_.bytes().data()));
}

std::size_t Arena::request_capacity() const { return memory_.bytes().size() - kRequestOffset; }

void Arena::WriteRequest(ByteView request) {
  CHECK(request.size() <= request_capacity());
  std::copy(request.begin(), request.end(), memory_.bytes().data() + kRequestOffset);
}

bool Arena::HasBegun(ItemId item) const {
  return header().begun.load(std::memory_order_acquire) == item.value;
}

Result<WorkerAnswer> Arena::ReadAnswer() const {
  // A copy of the words first: the worker could change them between two looks.
  std::array<std::uint8_t, sizeof(Header)> copy{};
  std::memcpy(copy.data(), memory_.bytes().data(), copy.size());
  const auto word = [&copy]<class Number>(std::size_t offset, Number number) {
    std::memcpy(&number, copy.data() + offset, sizeof number);
    return number;
  };
  const auto reason = ReasonFromNumber(word(offsetof(Header, reason), std::uint32_t{}));
  const auto scores = word(offsetof(Header, scores), std::uint32_t{});
  const auto detail_bytes = word(offsetof(Header, detail_bytes), std::uint32_t{});
  if (!reason.has_value() || scores > kScoresMax || detail_bytes > kDetailMax) {
    return Error{Reason::kOutputInvalid, "an answer whose sizes make no sense"};
  }
  WorkerAnswer answer;
  answer.item.value = word(offsetof(Header, item), std::uint64_t{});
  answer.reason = *reason;
  answer.preprocess_us = word(offsetof(Header, preprocess_us), std::uint32_t{});
  answer.infer_us = word(offsetof(Header, infer_us), std::uint32_t{});
  const auto* detail = copy.data() + offsetof(Header, detail);
  answer.detail.assign(detail, detail + detail_bytes);
  answer.scores.resize(scores);
  if (scores > 0) {
    std::memcpy(answer.scores.data(), memory_.bytes().data() + kHeaderBytes,
                scores * sizeof(float));
  }
  return answer;
}

void Arena::MarkBegun(ItemId item) { header().begun.store(item.value, std::memory_order_release); }

ByteView Arena::Request(std::size_t bytes) const {
  CHECK(bytes <= request_capacity());
  return {memory_.bytes().data() + kRequestOffset, bytes};
}

std::span<float> Arena::Scores(std::size_t count) {
  CHECK(count <= kScoresMax);
  return {std::launder(reinterpret_cast<float*>(memory_.bytes().data() + kHeaderBytes)), count};
}

void Arena::WriteAnswer(ItemId item, Reason reason, std::string_view detail, std::size_t scores,
                        std::uint32_t preprocess_us, std::uint32_t infer_us) {
  Header& out = header();
  const std::size_t detail_bytes = std::min(detail.size(), kDetailMax);
  out.item = item.value;
  out.reason = static_cast<std::uint32_t>(reason);
  out.scores = static_cast<std::uint32_t>(scores);
  out.preprocess_us = preprocess_us;
  out.infer_us = infer_us;
  out.detail_bytes = static_cast<std::uint32_t>(detail_bytes);
  std::copy_n(detail.data(), detail_bytes, out.detail.begin());
}

}  // namespace holdfast
