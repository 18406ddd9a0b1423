// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast {

// A part of a trace: what somebody did, and when.
struct Span {
  enum class Kind { kInternal = 1, kServer = 2 };  // OpenTelemetry's numbers.
  struct Attribute {
    std::string key;
    std::variant<std::string, std::int64_t> value;
  };

  std::string trace_id;   // 32 hexadecimal digits.
  std::string span_id;    // 16.
  std::string parent_id;  // 16, or empty.
  std::string name;
  Kind kind = Kind::kInternal;
  std::int64_t begin_unix_ns = 0;
  std::int64_t end_unix_ns = 0;
  std::vector<Attribute> attributes;
  std::string error;  // Why it failed; empty: it did not.
};

// An OTLP/HTTP request in its JSON encoding (opentelemetry-proto 1.x, trace service), for
// POST /v1/traces. `service` becomes service.name.
std::string EncodeSpans(std::string_view service, std::string_view version,
                        std::span<const Span> spans);

}  // namespace holdfast
