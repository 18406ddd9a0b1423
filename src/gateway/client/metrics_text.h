// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace holdfast {

// One scrape of a server's /metrics: the samples of counters and gauges, as they stand there.
class MetricsText {
 public:
  // Lines that are no sample are passed over.
  static MetricsText Parse(std::string_view text);

  // The sum over all samples of `name`, whatever their labels; 0 where there is none.
  std::uint64_t Sum(std::string_view name) const;
  // The one sample without labels; 0 where there is none.
  double Value(std::string_view name) const;
  // The samples of `name`, added up by the value of one label.
  std::map<std::string, std::uint64_t> ByLabel(std::string_view name, std::string_view label) const;

 private:
  std::map<std::string, double> samples_;  // "name{label=\"value\"}" → value.
};

// What has been counted between two scrapes, by the value of one label; zeros are left out.
std::map<std::string, std::uint64_t> CountedBetween(
    const std::map<std::string, std::uint64_t>& before,
    const std::map<std::string, std::uint64_t>& after);

}  // namespace holdfast
