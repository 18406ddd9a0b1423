// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "gateway/call/answer_check.h"
#include "ipc/arena.h"

// A worker that scribbles over what it shares: its answer is refused or within bounds, and a valid
// one is finite.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  constexpr std::size_t kHeaderBytes = 4096;
  static const UniqueFd memory = *Arena::Make(1);
  static const SharedMemory raw =
      *SharedMemory::Map(memory.get(), SharedMemory::Access::kReadWrite);
  static const Arena arena = *Arena::Map(memory.get());
  static const ServableDescription servable = [] {
    ServableDescription tiny;
    tiny.signature.output = {"y", DType::kFloat32, {kAnyDim, 4}};
    tiny.output = OutputKind::kProbabilities;
    return tiny;
  }();
  const std::size_t scribbled = std::min(size, kHeaderBytes + 64);
  std::fill_n(raw.bytes().data(), kHeaderBytes + 64, std::uint8_t{0});
  std::copy_n(bytes, scribbled, raw.bytes().data());
  const auto answer = arena.ReadAnswer();
  if (!answer) return 0;
  if (answer->scores.size() > Arena::kScoresMax) std::abort();
  if (answer->detail.size() > Arena::kDetailMax) std::abort();
  if (!CheckAnswer(servable, answer->item, *answer) || answer->reason != Reason::kOk) return 0;
  if (answer->scores.size() != 4) std::abort();
  for (const float score : answer->scores) {
    if (!(score >= 0 && score <= 1)) std::abort();
  }
  return 0;
}
