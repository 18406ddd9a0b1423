// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace holdfast {
namespace {

constexpr std::size_t kRequestIdMax = 128;

}  // namespace

std::string MakeRequestId(std::string_view given) {
  const bool usable =
      !given.empty() && given.size() <= kRequestIdMax &&
      std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (usable) return std::string(given);
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{:016x}", random());
}

TraceContext ReadTrace(std::string_view traceparent, std::string_view amazon) {
  return TraceContextFrom(traceparent, amazon,
                          std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
}

}  // namespace holdfast
