// SPDX-License-Identifier: Apache-2.0
// What operators want of models: load, unload, label, serve others, try. Each order is answered
// when it is carried out or has failed.
#include "ipc/label_order.h"
#include "ipc/model_folders_text.h"
#include "ipc/rollout_order.h"
#include "os/shared_memory.h"
#include "supervisor/supervisor.h"

namespace holdfast {

void Supervisor::OnModelOrder(Channel::Incoming& news) {
  PendingOrder pending{.order = static_cast<ModelOrder>(news.message.code),
                       .number = news.message.value};
  const Status taken = TakeOrder(pending, ReadSealedText(news.descriptors[0]));
  if (!taken) {
    AnswerOrder(pending.number, taken);
  } else {
    orders_.push_back(std::move(pending));
  }
}

Status Supervisor::TakeOrder(PendingOrder& pending, std::string text) {
  switch (pending.order) {
    case ModelOrder::kLoad:
      pending.model = std::move(text);
      log_.Info("order", {{"order", "load"}, {"model", pending.model}});
      roster_.LoadAsked(pending.model);
      AskForVersions();
      return {};
    case ModelOrder::kUnload:
      pending.model = std::move(text);
      log_.Info("order", {{"order", "unload"}, {"model", pending.model}});
      (void)roster_.UnloadAsked(pending.model);
      pending.looked = true;
      return {};
    case ModelOrder::kLabel: {
      const LabelOrder label = TRY(DecodeLabelOrder(text));
      log_.Info("label-asked",
                {{"model", label.model},
                 {"label", label.label},
                 {"version", label.version.has_value() ? std::to_string(*label.version) : "none"}});
      TRY_DO(roster_.LabelAsked(label.model, label.label, label.version));
      pending.model = label.model;
      pending.version = label.version;
      pending.looked = true;
      return {};
    }
    case ModelOrder::kConfigure: {
      ModelFolders folders = TRY(DecodeModelFolders(text));
      log_.Info("models-listed", {{"models", folders.models.size()}});
      const UniqueFd copy = TRY(MakeSealedText("holdfast-folders", text));
      if (scout_.has_value()) {
        scout_->channel.Send({.kind = MessageKind::kConfigure}, {copy.get()});
      }
      configured_ = std::move(folders);  // A scout that starts later is told when it starts.
      roster_.LoadAsked(std::nullopt);
      AskForVersions();
      return {};
    }
    case ModelOrder::kRollout: {
      RolloutOrder order = TRY(DecodeRolloutOrder(text));
      log_.Info("order", {{"order", RolloutKindWord(order.rollout.rule.kind)},
                          {"model", FormatKey({order.model, order.rollout.version})}});
      pending.model = std::move(order.model);
      pending.version = order.rollout.version;
      pending.rollout = std::move(order.rollout);
      AskForVersions();
      return {};
    }
    case ModelOrder::kPromote: {
      const RolloutEndOrder order = TRY(DecodeRolloutEndOrder(text));
      log_.Info("order", {{"order", "promote"}, {"model", order.model}});
      pending.looked = true;
      return roster_.PromoteAsked(order.model, order.version);
    }
    case ModelOrder::kRollBack: {
      const RolloutEndOrder order = TRY(DecodeRolloutEndOrder(text));
      log_.Info("order", {{"order", "rollback"}, {"model", order.model}});
      pending.looked = true;
      return roster_.RollBackAsked(order.model, order.version, order.why);
    }
  }
  return Error{Reason::kBadRequest, "an order that is none"};
}

// As soon as the scout has said what there is: before the policy can give the version everything.
void Supervisor::TakeRollouts() {
  std::erase_if(orders_, [this](PendingOrder& order) {
    if (!order.rollout.has_value()) return false;
    const Status taken = roster_.RolloutAsked(order.model, *std::exchange(order.rollout, {}));
    if (!taken) AnswerOrder(order.number, taken);
    return !taken;
  });
}

std::optional<Status> Supervisor::OutcomeOf(const PendingOrder& order) const {
  switch (order.order) {
    case ModelOrder::kLoad:
      return roster_.LoadOutcome(order.model);
    case ModelOrder::kUnload:
      return roster_.UnloadOutcome(order.model);
    case ModelOrder::kLabel:
      return roster_.LabelOutcome(order.model, order.version);
    case ModelOrder::kConfigure:
      return roster_.RulesOutcome();
    case ModelOrder::kRollout:
      return roster_.RolloutOutcome({order.model, order.version.value_or(0)});
    case ModelOrder::kPromote:
    case ModelOrder::kRollBack:
      break;
  }
  return Status();
}

void Supervisor::AnswerOrders() {
  std::erase_if(orders_, [this](const PendingOrder& order) {
    if (!order.looked) return false;
    const std::optional<Status> outcome = OutcomeOf(order);
    if (outcome.has_value()) AnswerOrder(order.number, *outcome);
    return outcome.has_value();
  });
}

void Supervisor::AnswerOrder(std::uint64_t number, const Status& outcome) {
  const Reason reason = outcome ? Reason::kOk : outcome.error().reason;
  const Result<UniqueFd> words =
      MakeSealedText("holdfast-outcome", outcome ? "done" : outcome.error().message);
  if (!words) return;
  TellGateway({.kind = MessageKind::kModelOrderDone,
               .code = static_cast<std::uint32_t>(reason),
               .value = number},
              {words->get()});
}

}  // namespace holdfast
