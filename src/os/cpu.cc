// SPDX-License-Identifier: Apache-2.0
#include "os/cpu.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

namespace holdfast {
namespace {

// What inference libraries choose their kernels by: x86's, then Arm's.
constexpr std::array<std::string_view, 14> kFeatures{
    "avx2",     "fma",     "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16",
    "amx_int8", "asimdhp", "asimddp", "i8mm",        "bf16",     "sve",         "sve2"};

// The value of a line "KEY<tab>: VALUE".
std::optional<std::string_view> ValueOf(std::string_view line, std::string_view key) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !line.starts_with(key)) return std::nullopt;
  const std::string_view between = line.substr(key.size(), colon - key.size());
  if (between.find_first_not_of(" \t") != std::string_view::npos) return std::nullopt;
  const std::size_t value = line.find_first_not_of(' ', colon + 1);
  return value == std::string_view::npos ? "" : line.substr(value);
}

std::string KnownFeatures(std::string_view flags) {
  std::istringstream words{std::string(flags)};
  const std::set<std::string, std::less<>> has(std::istream_iterator<std::string>(words), {});
  std::string features;
  for (const std::string_view feature : kFeatures) {
    if (!has.contains(feature)) continue;
    if (!features.empty()) features += ' ';
    features += feature;
  }
  return features;
}

}  // namespace

Cpu ParseCpu(std::string_view cpuinfo) {
  Cpu cpu;
  std::string implementer;
  std::string part;
  while (!cpuinfo.empty()) {
    const std::size_t end = std::min(cpuinfo.find('\n'), cpuinfo.size());
    const std::string_view line = cpuinfo.substr(0, end);
    cpuinfo.remove_prefix(std::min(end + 1, cpuinfo.size()));
    if (line.empty()) break;  // The next processor follows.
    if (const auto name = ValueOf(line, "model name")) cpu.model = *name;
    if (const auto flags = ValueOf(line, "flags")) cpu.features = KnownFeatures(*flags);
    if (const auto flags = ValueOf(line, "Features")) cpu.features = KnownFeatures(*flags);
    if (const auto number = ValueOf(line, "CPU implementer")) implementer = *number;
    if (const auto number = ValueOf(line, "CPU part")) part = *number;
  }
  // Arm's are known by numbers alone.
  if (cpu.model.empty() && !part.empty()) cpu.model = "Arm " + implementer + ' ' + part;
  return cpu;
}

Cpu ReadCpu() {
  std::ifstream file("/proc/cpuinfo");
  Cpu cpu = ParseCpu(std::string(std::istreambuf_iterator<char>(file), {}));
  utsname system{};
  if (cpu.model.empty() && ::uname(&system) == 0) cpu.model = system.machine;
  return cpu;
}

}  // namespace holdfast
