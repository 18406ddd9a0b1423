// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/drill_load.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/reason.h"
#include "gateway/client/http_client.h"
#include "os/steady_clock.h"

namespace holdfast {
namespace {

constexpr std::size_t kTries = 3;  // Of each picture, before the drill.
constexpr double kTolerance = 1e-4;

// Whether two answers to one picture are the same. Two workers compute with the same code, so that
// only the last digits may differ.
bool AreTheSame(const RemoteClassification& a, const RemoteClassification& b) {
  const auto same = [](const RemotePrediction& x, const RemotePrediction& y) {
    return x.index == y.index && x.label == y.label &&
           std::fabs(x.probability - y.probability) <= kTolerance;
  };
  return a.model == b.model && a.version == b.version &&
         std::ranges::equal(a.predictions, b.predictions, same);
}

Result<ClientAnswer> Post(const HttpUrl& server, const std::vector<std::uint8_t>& picture) {
  // Longer than the deadline: an answer that says that it has passed is an answer.
  constexpr std::chrono::milliseconds kPatience = 2 * DrillLoad::kDeadline;
  ClientRequest request{
      .method = "POST",
      .url = server,
      .content_type = "application/octet-stream",
      .body = picture,
      .headers = {{"x-request-timeout-ms", std::to_string(DrillLoad::kDeadline.count())}},
      .answer_timeout = kPatience};
  request.url.target = "/classify";
  return SendHttpRequest(request);
}

}  // namespace

Result<Duration> DrillLoad::Learn() {
  std::vector<Duration> times;
  for (const auto& picture : pictures_) {
    for (std::size_t i = 0; i < kTries; ++i) {
      const TimePoint begin = Now();
      const ClientAnswer answer = TRY(Post(server_, picture));
      if (answer.status != 200) return RefusalOf(answer);
      times.push_back(Now() - begin);
      RemoteClassification classification = TRY(ParseClassification(answer.body));
      if (i == 0) {
        right_answers_.push_back(std::move(classification));
      } else if (!AreTheSame(right_answers_.back(), classification)) {
        return Error{Reason::kInternal,
                     "the server answers one picture in two ways; no answer can be called right"};
      }
    }
  }
  std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
  return times[times.size() / 2];
}

void DrillLoad::Start(double per_second) {
  loop_ = std::make_unique<OpenLoop>(
      OpenLoop::Options{.per_second = per_second},
      [this](std::uint64_t number, TimePoint due) { SendOne(number, due); });
}

void DrillLoad::Stop() {
  if (loop_) loop_->Stop();
}

DrillLoad::Ledger DrillLoad::ledger() const {
  const std::scoped_lock lock(mutex_);
  return ledger_;
}

void DrillLoad::SendOne(std::uint64_t number, TimePoint due) {
  const std::size_t which = number % pictures_.size();
  const Result<ClientAnswer> answer = Post(server_, pictures_[which]);
  const bool late = Now() - due > kDeadline;
  const std::scoped_lock lock(mutex_);
  ++ledger_.offered;
  if (!answer) {
    ++ledger_.lost;
  } else if (answer->status != 200) {
    ++ledger_.refused[std::string(Describe(RefusalOf(*answer).reason).word)];
  } else {
    const auto classification = ParseClassification(answer->body);
    const bool right = classification && AreTheSame(right_answers_[which], *classification);
    ++(right ? ledger_.answered : ledger_.wrong);
    if (right && late) ++ledger_.late;
  }
}

}  // namespace holdfast
