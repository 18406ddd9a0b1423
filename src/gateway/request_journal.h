// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "gateway/metrics.h"
#include "gateway/report/request_record.h"
#include "gateway/report/request_tally.h"
#include "telemetry/log.h"
#include "telemetry/spans.h"

namespace holdfast {

// Says of each request what it came to: counts it, and writes a line or a trace where that is
// wanted. Lives on the gateway's loop.
class RequestJournal {
 public:
  struct Options {
    std::uint64_t access_log_percent = 0;  // Of the requests that get a line.
    std::uint64_t trace_percent = 0;       // Of those that nobody has decided about.
  };
  // Without `export_spans` there are no traces.
  RequestJournal(Options options, Metrics& metrics, Log& log,
                 std::function<void(std::vector<Span>)> export_spans = {});

  // The answer has been handed over.
  void Answered(const RequestRecord& record, TimePoint now);
  // What inference requests came to.
  const RequestTally& tally() const { return tally_; }

  // The client went away before.
  void Abandoned(RequestRecord record, TimePoint now);

 private:
  void Tell(const RequestRecord& record, TimePoint now);
  bool IsLogged(const RequestRecord& record, TimePoint now);
  bool IsTraced(const RequestRecord& record);
  bool Chance(std::uint64_t percent);
  void Write(const RequestRecord& record, TimePoint now);

  Options options_;
  Metrics& metrics_;
  Log& log_;
  std::function<void(std::vector<Span>)> export_spans_;
  RequestTally tally_;
  std::minstd_rand random_;
  double tokens_;  // Lines that may still be written of what went wrong.
  TimePoint tokens_at_ = TimePoint::min();
  std::uint64_t unlogged_ = 0;  // Such requests without a line, since the last.
};

}  // namespace holdfast
