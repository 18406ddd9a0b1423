// SPDX-License-Identifier: Apache-2.0
// What operators want of models: load, unload, label, serve others. Each order is answered when it
// is carried out or has failed.
#include "ipc/label_order.h"
#include "ipc/model_folders_text.h"
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
  }
  return Error{Reason::kBadRequest, "an order that is none"};
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
