// SPDX-License-Identifier: Apache-2.0
#include "gateway/grpc/call_access.h"

#include <string>

#include "gateway/let_in.h"

namespace holdfast {

std::string_view MetadataOf(const grpc::CallbackServerContext& context, const char* name) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(name);
  if (found == metadata.end()) return {};
  return {found->second.data(), found->second.size()};
}

std::string_view KeyOf(const grpc::CallbackServerContext& context) {
  const std::string_view key = BearerKey(MetadataOf(context, "authorization"));
  return key.empty() ? MetadataOf(context, "x-api-key") : key;
}

std::optional<grpc::Status> RefusalOf(ServerState& state, grpc::CallbackServerContext& context,
                                      RequestRecord& record) {
  const KeyKeeper::Verdict verdict = LetIn(state, KeyOf(context));
  record.reason = verdict.reason;
  record.client = verdict.name;
  if (verdict.reason == Reason::kOk) return std::nullopt;
  state.metrics.Refused(verdict.reason);
  ExplainRefusal(context, verdict.reason, verdict.retry_after);
  return grpc::Status(static_cast<grpc::StatusCode>(Describe(verdict.reason).grpc),
                      std::string(verdict.words));
}

void ExplainRefusal(grpc::CallbackServerContext& context, Reason reason, Duration retry_after) {
  const ReasonEntry& entry = Describe(reason);
  context.AddTrailingMetadata("x-holdfast-reason", std::string(entry.word));
  if (MayRetry(entry.retry) && retry_after > Duration::zero()) {
    const auto hint = std::chrono::ceil<std::chrono::milliseconds>(retry_after);
    context.AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(hint.count()));
  }
}

}  // namespace holdfast
