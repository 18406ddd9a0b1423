// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace holdfast {

// What CloudWatch's Embedded Metric Format allows a line to have.
constexpr std::size_t kEmbeddedMetricsMax = 100;
constexpr std::size_t kEmbeddedValuesMax = 100;

// Metrics of one moment that CloudWatch takes out of a log line.
struct EmbeddedMetrics {
  struct Metric {
    const char* name;
    const char* unit;  // CloudWatch's word: "Count", "Milliseconds", "None".
    // One number, or samples; those that are not finite are left out, and a metric without any.
    std::vector<double> values;
    bool samples = false;
  };
  std::string name_space;
  std::vector<std::pair<std::string, std::string>> dimensions;  // One set of them.
  std::vector<Metric> metrics;
  std::int64_t unix_ms = 0;
};

// The line, without its newline; nothing may stand before or after it.
std::string FormatEmbeddedMetrics(const EmbeddedMetrics& metrics);

}  // namespace holdfast
