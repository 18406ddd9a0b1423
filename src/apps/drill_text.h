// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gateway/client/drill.h"

namespace holdfast {

// How `holdfast drill` shows its proof: a table for people, or one JSON object.
std::string FormatDrillTable(const DrillReport& report);
std::string FormatDrillJson(const DrillReport& report);
// "kill: resnet50/1 #0 (pid 123) ended; the next was ready after 4.1 ms", one line.
std::string FormatDrillEvent(const DrillEvent& event);

}  // namespace holdfast
