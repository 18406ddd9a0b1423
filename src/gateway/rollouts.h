// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/inference_service.h"
#include "gateway/metrics.h"
#include "gateway/servable_table.h"
#include "ipc/message.h"
#include "ipc/rollout_order.h"
#include "rollout/comparison.h"
#include "telemetry/log.h"

namespace holdfast {

// Which version answers a request while one is on trial, and what is learned from it. A canary
// answers a share of the requests that name no version; what it cannot answer, the current version
// does, within the same deadline. Items that one version has answered are asked of the other, too,
// where nobody has to wait for that, and the classes are compared. What is found goes to the
// supervisor, whose list says which versions are tried and how. Lives on the gateway's loop.
class Rollouts {
 public:
  // Passes a verdict on. kUnavailable: it could not be.
  using TellSupervisor = std::function<Status(ModelOrder, const RolloutEndOrder&)>;

  Rollouts(InferenceService& inference, ServableTable& servables, Metrics& metrics, Log& log,
           TellSupervisor tell)
      : inference_(inference),
        servables_(servables),
        metrics_(metrics),
        log_(log),
        tell_(std::move(tell)) {}

  // --- Requests ---
  struct Answer {
    ServableId servable;  // Who has answered.
    std::vector<ItemOutcome> outcomes;
    // The servable is not forgotten as long as this lives; nothing: its caller holds it.
    std::shared_ptr<ServableTable::Hold> hold;
  };
  struct Call {
    ServableId servable;  // The current version, or the one that was named.
    bool any_version = false;
    std::string header;  // The value of what HeaderOf() names.
    std::vector<InferenceItem> items;
    TimePoint deadline;
    std::string request_id;
    std::function<void(Answer)> done;  // As InferenceService's.
  };
  // The header by which requests for the servable's model choose, in lower case; empty: there is
  // none.
  std::string HeaderOf(ServableId servable) const;
  CallId Submit(Call call);
  void Cancel(CallId call);

  // --- Trials ---
  // The supervisor's list has changed.
  void Follow(TimePoint now);
  // Judges what is known by now.
  void Check(TimePoint now);
  // How the versions of `model` compare since the window has begun; nothing: none is on trial.
  const Comparison* ComparisonOf(const std::string& model) const;

 private:
  struct Record {
    ModelKey key;
    Comparison comparison;
    bool comparing = false;  // An item is asked of the other version.
    bool judged = false;     // The supervisor has been told.
  };
  struct Running;

  bool GoesToCanary(const Call& call, const ServableTable::Trial& trial) const;
  bool TakesItems(const Call& call, ServableId other) const;
  Record* RecordOf(ServableId servable);
  CallId AskCurrent(Call call, bool counts);
  bool AskCanary(const std::shared_ptr<Running>& running);
  void OnCanary(const std::shared_ptr<Running>& running, std::vector<ItemOutcome> outcomes);
  void FallBack(const std::shared_ptr<Running>& running);
  void CountArm(ServableId servable, Arm arm, const std::vector<ItemOutcome>& outcomes);
  void Compare(const Call& call, ServableId answered, const ItemOutcome& outcome, ServableId other);
  void OnCompared(ServableId answered, const std::string& label, ServableId other,
                  const std::vector<ItemOutcome>& outcomes);
  void CountEnd(const Record& record);
  void JudgeCanary(Record& record, TimePoint now);
  void EndWindow(Record& record, TimePoint now);
  void LogVerdict(const Record& record, std::string_view verdict, std::string_view cause);

  InferenceService& inference_;
  ServableTable& servables_;
  Metrics& metrics_;
  Log& log_;
  TellSupervisor tell_;
  std::map<std::string, Record> records_;  // By model.
  std::map<CallId, std::shared_ptr<Running>> running_;
  CallId next_ = CallId{1} << 63;  // Apart from the inference service's.
};

}  // namespace holdfast
