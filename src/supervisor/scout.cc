// SPDX-License-Identifier: Apache-2.0
#include "supervisor/scout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "ipc/channel.h"
#include "ipc/model_folders_text.h"
#include "ipc/offer_list.h"
#include "model/config_list/model_config_list.h"
#include "os/folder_watch.h"
#include "os/poller.h"
#include "os/process_title.h"
#include "os/shared_memory.h"
#include "os/signals.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

// A folder that is being copied changes all the time: it is offered once it has not changed for
// this long.
constexpr auto kSettleTime = std::chrono::milliseconds(500);

class Scout {
 public:
  Scout(const ScoutOptions& options, CredentialWatch::Check check, Refresh refresh, Poller poller)
      : options_(options),
        refresh_(std::move(refresh)),
        credentials_(options.credential_files, std::move(check)),
        poller_(std::move(poller)),
        channel_(UniqueFd(kScoutChannelFd)) {
    if (options_.file_is_old) SetFileAside();
    known_.rules = RulesOf(options_.folders);  // The supervisor's own: no news.
  }

  int Run() {
    if (!poller_.Add(channel_.fd(), [this] { OnMessage(); })) return 1;
    if (options_.period.count() > 0) {
      if (Result<FolderWatch> watch = FolderWatch::Open()) watch_ = std::move(*watch);
      if (watch_ && !poller_.Add(watch_->fd(), [this] { OnChange(); })) watch_.reset();
    }
    while (channel_.open()) {
      if (Now() >= next_look_ || asked_) Look();
      if (!poller_.Wait(next_look_)) return 1;
    }
    return 0;
  }

 private:
  void OnMessage() {
    Channel::Incoming news;
    for (;;) {
      const auto state = channel_.Receive(news);
      if (state == Channel::State::kNothingYet) return;
      if (state == Channel::State::kClosed) {
        poller_.Remove(channel_.fd());
        channel_.Close();
        return;
      }
      if (news.message.kind == MessageKind::kScan) asked_ = true;
      if (news.message.kind == MessageKind::kConfigure) Configure(news);
    }
  }

  // What is configured by a call holds until the file changes.
  void Configure(const Channel::Incoming& news) {
    Result<ModelFolders> folders = DecodeModelFolders(ReadSealedText(news.descriptors[0]));
    if (!folders) return;
    options_.folders = *std::move(folders);
    SetFileAside();
    asked_ = true;
  }

  void SetFileAside() {
    if (!options_.config_file.empty()) listed_ = ReadModelConfigFile(options_.config_file);
  }

  void OnChange() {
    watch_->Drain();
    next_look_ = Now();
  }

  void Look() {
    std::set<std::string> complaints;
    FollowConfigFile(complaints);
    BringUpToDate(complaints);
    const TimePoint now = Now();
    const std::vector<Offer> found = Find(complaints);
    for (const std::string& complaint : complaints) {
      if (!complaints_.contains(complaint)) fmt::print(stderr, "{}\n", complaint);
    }
    complaints_ = std::move(complaints);
    WatchFolders(found);
    TellCredentials(now);
    // Whoever asks says that the files are complete.
    const Offering offering{.offers = asked_ ? found : Settled(found, now),
                            .rules = RulesOf(options_.folders)};
    if (asked_ || offering != known_) Tell(offering);
    asked_ = false;
    if (options_.period.count() <= 0) {
      next_look_ = kNever;
    } else {
      const bool settled_all = unsettled_.empty() && !credentials_.unsettled();
      next_look_ = now + (settled_all ? Duration(options_.period) : Duration(kSettleTime));
    }
  }

  // Not each time that the kernel says that something has changed here: looking costs money there.
  void BringUpToDate(std::set<std::string>& complaints) {
    if (!refresh_ || (!asked_ && Now() < next_refresh_)) return;
    if (const Status refreshed = refresh_(); !refreshed) {
      complaints.insert(refreshed.error().message);
    }
    next_refresh_ = Now() + options_.period;
  }

  // A list that is not in order leaves things as they are.
  void FollowConfigFile(std::set<std::string>& complaints) {
    if (options_.config_file.empty()) return;
    Result<std::vector<ServedModel>> models = ReadModelConfigFile(options_.config_file);
    if (!models) {
      complaints.insert(models.error().message);
    } else if (!listed_ || *models != *listed_) {
      options_.folders = {.repository = {}, .models = *models};
      listed_ = std::move(models);
    }
  }

  // What is there. Where that cannot be told, what was known: what serves is served on.
  std::vector<Offer> Find(std::set<std::string>& complaints) const {
    std::vector<Offer> found;
    const auto take = [&](Result<std::vector<Offer>> offers, const std::string* model) {
      if (!offers) complaints.insert(offers.error().message);
      for (const Offer& offer : offers ? *offers : known_.offers) {
        const bool other_models = !offers && model != nullptr && offer.key.name != *model;
        if (!other_models) found.push_back(offer);
      }
    };
    if (!options_.folders.repository.empty()) take(ReadOffers(options_.folders), nullptr);
    for (const ServedModel& model : options_.folders.models) take(ReadOffers(model), &model.name);
    return found;
  }

  // What has not changed for a while. Of what changes, the state that was known before.
  std::vector<Offer> Settled(const std::vector<Offer>& found, TimePoint now) {
    std::map<ModelKey, Unsettled> still;
    std::vector<Offer> settled;
    for (const Offer& offer : found) {
      const auto before = std::ranges::find(known_.offers, offer.key, &Offer::key);
      const bool known = before != known_.offers.end();
      if (known && *before == offer) {
        settled.push_back(offer);
        continue;
      }
      const auto seen = unsettled_.find(offer.key);
      const bool same = seen != unsettled_.end() && seen->second.fingerprint == offer.fingerprint;
      const TimePoint since = same ? seen->second.since : now;
      if (now - since >= kSettleTime) {
        settled.push_back(offer);
        continue;
      }
      still[offer.key] = {offer.fingerprint, since};
      if (known) settled.push_back(*before);
    }
    unsettled_ = std::move(still);
    return settled;
  }

  void WatchFolders(const std::vector<Offer>& offers) {
    if (!watch_) return;
    std::set<std::filesystem::path> folders;
    if (!options_.folders.repository.empty()) folders.insert(options_.folders.repository);
    for (const ServedModel& model : options_.folders.models) folders.insert(model.base_path);
    if (!options_.config_file.empty()) {
      folders.insert(std::filesystem::absolute(options_.config_file).parent_path());
    }
    for (const std::string& folder : credentials_.folders()) folders.insert(folder);
    for (const Offer& offer : offers) {
      folders.insert(offer.folder);
      folders.insert(offer.folder.parent_path());
    }
    watch_->Watch(folders);
  }

  void TellCredentials(TimePoint now) {
    const auto seen = credentials_.Look(now, asked_);
    if (!seen) return;
    const Reason reason = *seen ? Reason::kOk : seen->error().reason;
    const Result<UniqueFd> memory = MakeSealedText(
        "holdfast-credentials", *seen ? EncodePortCredentials(**seen) : seen->error().message);
    if (!memory) return;
    channel_.Send(
        {.kind = MessageKind::kCredentialsSeen, .code = static_cast<std::uint32_t>(reason)},
        {memory->get()});
  }

  void Tell(const Offering& offering) {
    const Result<UniqueFd> memory = MakeSealedText("holdfast-offers", EncodeOffering(offering));
    if (!memory) return;
    channel_.Send({.kind = MessageKind::kOffers, .code = asked_ ? 1u : 0u}, {memory->get()});
    known_ = offering;
  }

  struct Unsettled {
    std::uint64_t fingerprint = 0;
    TimePoint since;
  };

  ScoutOptions options_;
  Refresh refresh_;
  TimePoint next_refresh_ = TimePoint::min();
  CredentialWatch credentials_;
  Poller poller_;
  Channel channel_;
  std::optional<FolderWatch> watch_;
  TimePoint next_look_ = TimePoint::min();
  bool asked_ = false;
  Offering known_;  // As told last.
  std::map<ModelKey, Unsettled> unsettled_;
  std::set<std::string> complaints_;  // Of the last look.
  // What the configuration file listed last; an error: it was not in order.
  Result<std::vector<ServedModel>> listed_ = Error{Reason::kNotFound, "it was not read yet"};
};

}  // namespace

int RunScout(const ScoutOptions& options, CredentialWatch::Check check, Refresh refresh) {
  SetProcessTitle("holdfast: scout", "hf-scout");
  ResetSignals();
  Result<Poller> poller = Poller::Open();
  if (!poller) return Describe(poller.error().reason).exit_code;
  return Scout(options, std::move(check), std::move(refresh), std::move(*poller)).Run();
}

}  // namespace holdfast
