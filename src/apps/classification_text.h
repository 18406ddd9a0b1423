// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "gateway/client/remote_classifier.h"

namespace holdfast {

// A server's answer as `holdfast classify` prints its own: a table, or one JSON object and line.
std::string FormatTable(const std::string& file, const RemoteClassification& classification,
                        Duration elapsed);
std::string FormatJson(const std::string& file, const RemoteClassification& classification);
// The JSON line of a file that could not be classified.
std::string FormatJsonError(const std::string& file, const Error& error);

}  // namespace holdfast
