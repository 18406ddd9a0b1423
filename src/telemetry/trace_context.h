// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

// The trace that a request belongs to.
struct TraceContext {
  std::string trace_id;         // 32 lower-case hexadecimal digits.
  std::string parent_id;        // The caller's span, 16 digits; empty: none is known.
  std::optional<bool> sampled;  // What the caller has decided; nothing: it is left to us.
  bool operator==(const TraceContext&) const = default;
};

// What a caller's headers say: `traceparent` (W3C Trace Context, level 1), or else
// `X-Amzn-Trace-Id`, which AWS's load balancers set. Where neither can be read a new trace begins;
// its id starts with the time, as X-Ray wants it. From any thread.
TraceContext TraceContextFrom(std::string_view traceparent, std::string_view amazon,
                              std::int64_t unix_seconds);

// 16 random hexadecimal digits, not all zero. From any thread.
std::string MakeSpanId();

}  // namespace holdfast
