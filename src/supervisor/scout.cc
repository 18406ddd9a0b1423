// SPDX-License-Identifier: Apache-2.0
#include "supervisor/scout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "ipc/channel.h"
#include "ipc/offer_list.h"
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
  Scout(const ScoutOptions& options, CredentialWatch::Check check, Poller poller)
      : options_(options),
        credentials_(options.credential_files, std::move(check)),
        poller_(std::move(poller)),
        channel_(UniqueFd(kScoutChannelFd)) {}

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
    }
  }

  void OnChange() {
    watch_->Drain();
    next_look_ = Now();
  }

  void Look() {
    const TimePoint now = Now();
    Result<std::vector<Offer>> found = ReadOffers(options_.folders);
    if (!found) {
      if (found.error().message != complaint_) {
        fmt::print(stderr, "{}\n", found.error().message);
      }
      complaint_ = found.error().message;
      found = known_;  // What serves is served on.
    } else {
      complaint_.clear();
    }
    WatchFolders(*found);
    TellCredentials(now);
    // Whoever asks says that the files are complete.
    const std::vector<Offer> settled = asked_ ? *found : Settled(*found, now);
    if (asked_ || settled != known_) Tell(settled);
    asked_ = false;
    if (options_.period.count() <= 0) {
      next_look_ = kNever;
    } else {
      const bool settled_all = unsettled_.empty() && !credentials_.unsettled();
      next_look_ = now + (settled_all ? Duration(options_.period) : Duration(kSettleTime));
    }
  }

  // What has not changed for a while. Of what changes, the state that was known before.
  std::vector<Offer> Settled(const std::vector<Offer>& found, TimePoint now) {
    std::map<ModelKey, Unsettled> still;
    std::vector<Offer> settled;
    for (const Offer& offer : found) {
      const auto before = std::find_if(known_.begin(), known_.end(),
                                       [&](const Offer& one) { return one.key == offer.key; });
      if (before != known_.end() && *before == offer) {
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
      if (before != known_.end()) settled.push_back(*before);
    }
    unsettled_ = std::move(still);
    return settled;
  }

  void WatchFolders(const std::vector<Offer>& offers) {
    if (!watch_) return;
    std::set<std::filesystem::path> folders;
    folders.insert(options_.folders.base_path.empty() ? options_.folders.repository
                                                      : options_.folders.base_path);
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

  void Tell(const std::vector<Offer>& offers) {
    const Result<UniqueFd> memory = MakeSealedText("holdfast-offers", EncodeOffers(offers));
    if (!memory) return;
    channel_.Send({.kind = MessageKind::kOffers, .code = asked_ ? 1u : 0u}, {memory->get()});
    known_ = offers;
  }

  struct Unsettled {
    std::uint64_t fingerprint = 0;
    TimePoint since;
  };

  ScoutOptions options_;
  CredentialWatch credentials_;
  Poller poller_;
  Channel channel_;
  std::optional<FolderWatch> watch_;
  TimePoint next_look_ = TimePoint::min();
  bool asked_ = false;
  std::vector<Offer> known_;  // As told last.
  std::map<ModelKey, Unsettled> unsettled_;
  std::string complaint_;
};

}  // namespace

int RunScout(const ScoutOptions& options, CredentialWatch::Check check) {
  SetProcessTitle("holdfast: scout", "hf-scout");
  ResetSignals();
  Result<Poller> poller = Poller::Open();
  if (!poller) return Describe(poller.error().reason).exit_code;
  return Scout(options, std::move(check), std::move(*poller)).Run();
}

}  // namespace holdfast
