// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/time.h"
#include "gateway/report/request_record.h"
#include "telemetry/spans.h"

namespace holdfast {

// A request's trace: a span for the whole, and below it "admission" (until it was let in),
// "receive" (its body), and for each item "queue", for each worker that was lost with it
// "lost attempt" and "rescue" (until the next worker had it), then "decode" and "infer". The
// worker's two follow each other from the moment that it got the item; how long they took is what
// it says. At most 64 items, as many as a request may have. `unix_offset`: the wall clock's time at
// the steady clock's zero.
std::vector<Span> SpansOf(const RequestRecord& record, TimePoint end, Duration unix_offset);

}  // namespace holdfast
