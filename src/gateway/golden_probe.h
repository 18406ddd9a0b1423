// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "gateway/inference_service.h"
#include "gateway/metrics.h"
#include "gateway/servable_table.h"
#include "telemetry/log.h"

namespace holdfast {

// Asks the workers of an idle servable with its golden example, so that a fault shows before a
// client meets it: results, not heartbeats, are what health is made of. A wrong class is an invalid
// output, which costs the worker its place; two failures in a row make the server not ready, until
// an answer is right again. Busy servables are left alone. Lives on the gateway's loop.
class GoldenProbe {
 public:
  // `interval`: how long without an answer makes a servable idle; 0: no probes.
  GoldenProbe(InferenceService& inference, const ServableTable& servables, Metrics& metrics,
              Log& log, Duration interval)
      : inference_(inference),
        servables_(servables),
        metrics_(metrics),
        log_(log),
        interval_(interval) {}

  // Sends what is due.
  void Check(TimePoint now);
  // The servable is gone.
  void Forget(ServableId servable) { records_.erase(servable); }

 private:
  struct Record {
    TimePoint due = TimePoint::min();
    bool under_way = false;
    bool doubted = false;  // An answer was: not to wait until it is due.
    int failures = 0;      // In a row.
  };

  void Send(ServableId servable, Record& record, TimePoint now);
  void Finish(ServableId servable, const std::vector<ItemOutcome>& outcomes);

  InferenceService& inference_;
  const ServableTable& servables_;
  Metrics& metrics_;
  Log& log_;
  Duration interval_;
  std::map<ServableId, Record> records_;
};

}  // namespace holdfast
