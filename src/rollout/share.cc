// SPDX-License-Identifier: Apache-2.0
#include "rollout/share.h"

#include <cstdint>

namespace holdfast {
namespace {

// FNV-1a, and then the finalizer of SplitMix64: ids that differ in their last digit only must not
// lie close together.
std::uint64_t HashOf(std::string_view first, std::string_view second) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto take = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3u; };
  for (const char c : first) take(static_cast<std::uint8_t>(c));
  take(0);
  for (const char c : second) take(static_cast<std::uint8_t>(c));
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 31);
}

}  // namespace

bool InShare(std::string_view request_id, std::string_view salt, double percent) {
  constexpr double kRange = 18446744073709551616.0;  // 2^64.
  return static_cast<double>(HashOf(request_id, salt)) < percent / 100 * kRange;
}

}  // namespace holdfast
