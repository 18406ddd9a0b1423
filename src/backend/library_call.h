// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace holdfast {

// Calls an inference library; its exceptions end here, as one line that begins with its name. It
// reports a lack of memory as a text: that is kInsufficientResources, all else `otherwise`.
template <class F>
auto CallLibrary(std::string_view library, Reason otherwise, F&& f) -> decltype(Guard(f)) {
  constexpr std::size_t kWordsMax = 400;  // Of the library's own; some of its messages are pages.
  auto result = Guard(f);
  if (result || result.error().reason == Reason::kInsufficientResources) return result;
  Error error = std::move(result).error();
  const bool no_memory = error.message.find("bad_alloc") != std::string::npos ||
                         error.message.find("ailed to allocate memory") != std::string::npos;
  error.reason = no_memory ? Reason::kInsufficientResources : otherwise;
  std::replace(error.message.begin(), error.message.end(), '\n', ' ');
  if (error.message.size() > kWordsMax) error.message.resize(kWordsMax);
  error.message = fmt::format("{}: {}", library, error.message);
  return error;
}

}  // namespace holdfast
