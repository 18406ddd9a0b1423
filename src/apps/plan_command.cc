// SPDX-License-Identifier: Apache-2.0
#include "apps/plan_command.h"

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "apps/failure.h"
#include "apps/plan_text.h"
#include "model/tuning.h"
#include "os/replace_file.h"
#include "sizing/parameter_file.h"
#include "sizing/plan.h"

namespace holdfast {
namespace {

constexpr int kAboveBudgetCode = 1;

// What the engines and the server load: all files of the version but its golden examples.
Result<std::uint64_t> BytesOf(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  std::filesystem::directory_iterator files(folder, failed);
  for (; !failed && files != std::filesystem::directory_iterator(); files.increment(failed)) {
    if (files->is_regular_file(failed)) bytes += files->file_size(failed);
  }
  if (failed) {
    return Error{Reason::kNotFound, fmt::format("{}: {}; try NAME/VERSION/ of a model repository",
                                                folder.string(), failed.message())};
  }
  return bytes;
}

Result<Workload> WorkloadOf(const PlanCommand& command) {
  if (command.model.empty()) return PublishedWorkload(command.model_name);
  auto tunings = ReadTunings(command.model);
  if (!tunings && tunings.error().reason == Reason::kNotFound) {
    return Error{Reason::kNotFound, fmt::format("{}: there is no {}; try holdfast tune {} first",
                                                command.model, kTuningFile, command.model)};
  }
  Workload workload{.model = command.model,
                    .tunings = TRY(std::move(tunings)),
                    .gflop_per_image = 0,
                    .model_bytes = TRY(BytesOf(command.model))};
  if (!HasChosenPoint(workload)) {
    return Error{Reason::kBadModel, fmt::format("{}: {} holds no measurement of what it chose; try "
                                                "holdfast tune again",
                                                command.model, kTuningFile)};
  }
  return workload;
}

Result<PlanRequest> RequestOf(const PlanCommand& command) {
  if (command.region != kPricesRegion) {
    return Error{Reason::kUsage, fmt::format("--region {}: prices are known for {} only",
                                             command.region, kPricesRegion)};
  }
  return PlanRequest{.rate = command.rate,
                     .deadline_ms = command.deadline_ms,
                     .p99_ms = command.p99_ms,
                     .budget = command.budget,
                     .types = command.types,
                     .kit = TRY(FindKit(command.kit)),
                     .workload = TRY(WorkloadOf(command))};
}

}  // namespace

int RunPlanCommand(const PlanCommand& command) {
  const auto request = RequestOf(command);
  if (!request) return Fail(request.error());
  const auto plan = MakePlan(*request);
  if (!plan) return Fail(plan.error());
  const int shown =
      Show(command.json ? FormatPlanJson(*request, *plan) : FormatPlanTable(*request, *plan));
  if (shown != 0) return shown;
  const Sizing* chosen = plan->chosen();
  if (chosen == nullptr) {
    Fail(Error{Reason::kUnavailable,
               fmt::format("no type is within the budget; the cheapest takes ${:.2f} a month",
                           plan->ranked.front().dollars_per_month)});
    return kAboveBudgetCode;
  }
  if (command.output.empty()) return 0;
  const Status written = ReplaceFile(command.output, FormatParameterFile(*request->kit, *chosen));
  return written ? 0 : Fail(written.error());
}

}  // namespace holdfast
