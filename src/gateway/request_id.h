// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "telemetry/trace_context.h"

namespace holdfast {

// A client's own id, if it is short and printable; else a new one. From any thread.
std::string MakeRequestId(std::string_view given);

// The trace that a request's headers name, or a new one. From any thread.
TraceContext ReadTrace(std::string_view traceparent, std::string_view amazon);

}  // namespace holdfast
