// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>

#include "apps/settings.h"

namespace holdfast {

// For tests: a value of the setting that is not its default; `nth` 0, 1 and 2 give different ones.
inline std::string SampleValue(const Setting& setting, int nth = 0) {
  if (IsNumber(setting)) {
    // Settings that are compared with each other agree at these values.
    return std::to_string(setting.name.ends_with("_port") || setting.unit == "ms" ? 20'000 + nth
                          : setting.unit == "bytes"                               ? (20 << 20) + nth
                                                    : setting.min + 1 + nth);
  }
  if (setting.name.ends_with("_endpoint")) return "http://sample" + std::to_string(nth);
  if (setting.name.ends_with("_address")) return "127.0.0." + std::to_string(2 + nth);
  const std::size_t bar = setting.value.find('|');
  if (bar == std::string_view::npos) return "sample" + std::to_string(nth);
  // The second choice is no setting's default, the last one neither unless there are only two.
  const std::string_view rest = setting.value.substr(bar + 1);
  return std::string(nth % 2 == 0 ? setting.value.substr(setting.value.rfind('|') + 1)
                                  : rest.substr(0, rest.find('|')));
}

// GoogleTest names the setting with this.
inline void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }

}  // namespace holdfast
