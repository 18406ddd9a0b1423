// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/metrics_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace holdfast {
namespace {

constexpr double kCountMax = 9e15;  // Counts are whole numbers that a double holds exactly.

std::string_view NameOf(std::string_view sample) { return sample.substr(0, sample.find('{')); }

std::uint64_t ToCount(double value) {
  return std::isfinite(value) ? static_cast<std::uint64_t>(std::clamp(value, 0.0, kCountMax)) : 0;
}

// The value of `label` in "name{a=\"x\",label=\"y\"}"; our label values hold no quotes.
std::string_view LabelOf(std::string_view sample, std::string_view label) {
  const std::string key = std::string(label) + "=\"";
  for (const char* const before : {"{", ","}) {
    const std::size_t at = sample.find(before + key);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = sample.substr(at + 1 + key.size());
    return rest.substr(0, rest.find('"'));
  }
  return "";
}

}  // namespace

MetricsText MetricsText::Parse(std::string_view text) {
  MetricsText metrics;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t space = line.rfind(' ');
    if (line.empty() || line.front() == '#' || space == std::string_view::npos) continue;
    double value = 0;
    const char* const end = line.data() + line.size();
    const auto [at, error] = std::from_chars(line.data() + space + 1, end, value);
    if (error == std::errc{} && at == end)
      metrics.samples_[std::string(line.substr(0, space))] = value;
  }
  return metrics;
}

std::uint64_t MetricsText::Sum(std::string_view name) const {
  double sum = 0;
  for (const auto& [sample, value] : samples_) {
    if (NameOf(sample) == name) sum += value;
  }
  return ToCount(sum);
}

double MetricsText::Value(std::string_view name) const {
  const auto sample = samples_.find(std::string(name));
  return sample == samples_.end() ? 0 : sample->second;
}

std::map<std::string, std::uint64_t> MetricsText::ByLabel(std::string_view name,
                                                          std::string_view label) const {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [sample, value] : samples_) {
    if (NameOf(sample) == name) counts[std::string(LabelOf(sample, label))] += ToCount(value);
  }
  return counts;
}

std::map<std::string, std::uint64_t> CountedBetween(
    const std::map<std::string, std::uint64_t>& before,
    const std::map<std::string, std::uint64_t>& after) {
  std::map<std::string, std::uint64_t> counted;
  for (const auto& [value, count] : after) {
    const auto old = before.find(value);
    const std::uint64_t base = old == before.end() ? 0 : old->second;
    if (count > base) counted[value] = count - base;
  }
  return counted;
}

}  // namespace holdfast
