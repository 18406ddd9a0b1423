// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// The processor, as far as it decides how fast inference is.
struct Cpu {
  std::string model;     // "AMD EPYC 7R13 Processor"; the architecture where the kernel names none.
  std::string features;  // Its vector extensions, in a fixed order: "avx2 fma avx512f".
  bool operator==(const Cpu&) const = default;
};

// Of this host.
Cpu ReadCpu();
// Of a text in the form of /proc/cpuinfo: its first processor.
Cpu ParseCpu(std::string_view cpuinfo);

}  // namespace holdfast
