// SPDX-License-Identifier: Apache-2.0
// What operators want of models: load, unload, label, serve others, try. Each order is answered
// when it is carried out or has failed.
#include <algorithm>
#include <utility>

#include "ipc/add_order.h"
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
      roster_.LoadAsked(std::nullopt);
      Configure(std::move(folders));
      return {};
    }
    case ModelOrder::kAdd:
      return AddModel(pending, text);
    case ModelOrder::kRemove:
      pending.model = std::move(text);
      log_.Info("order", {{"order", "remove"}, {"model", pending.model}});
      return RemoveModel(pending.model);
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

// What lies where from now on. A scout that starts later is told when it starts.
void Supervisor::Configure(ModelFolders folders) {
  if (scout_.has_value()) {
    const Result<UniqueFd> copy = MakeSealedText("holdfast-folders", EncodeModelFolders(folders));
    if (copy) scout_->channel.Send({.kind = MessageKind::kConfigure}, {copy->get()});
  }
  configured_ = std::move(folders);
  AskForVersions();
}

bool Supervisor::Lives(const std::string& model) const {
  return std::ranges::any_of(
      models_, [&model](const auto& entry) { return entry.second.offer.key.name == model; });
}

Status Supervisor::AddModel(PendingOrder& pending, const std::string& text) {
  AddOrder order = TRY(DecodeAddOrder(text));
  log_.Info("add-asked", {{"model", order.model}, {"folder", order.folder}});
  ModelFolders folders = configured_.value_or(options_.folders);
  const bool added = std::ranges::any_of(
      folders.models, [&order](const auto& model) { return model.name == order.model; });
  if (added || Lives(order.model)) {
    return Error{Reason::kAlreadyLoaded, "model \"" + order.model + "\" is there already"};
  }
  pending.model = order.model;
  folders.models.push_back({.name = std::move(order.model),
                            .base_path = std::move(order.folder),
                            .rule = {.policy = options_.version_policy, .labels = {}},
                            .unpacked = true});
  Configure(std::move(folders));
  return {};
}

Status Supervisor::RemoveModel(const std::string& name) {
  ModelFolders folders = configured_.value_or(options_.folders);
  const auto removed =
      std::erase_if(folders.models, [&name](const auto& model) { return model.name == name; });
  if (removed == 0) return Error{Reason::kNotFound, "there is no model \"" + name + '"'};
  Configure(std::move(folders));
  return {};
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
    case ModelOrder::kAdd:
      if (!roster_.Rules(order.model)) return std::nullopt;  // That was an older look.
      return roster_.LoadOutcome(order.model);
    case ModelOrder::kRemove:
      // Not before its processes have ended, and their memory is free.
      if (Lives(order.model) || roster_.Rules(order.model)) return std::nullopt;
      return Status();
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
    if (!outcome.has_value()) return false;
    // Whoever adds a model that cannot be served may add it again, once it is mended.
    if (order.order == ModelOrder::kAdd && !*outcome) (void)RemoveModel(order.model);
    AnswerOrder(order.number, *outcome);
    return true;
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
