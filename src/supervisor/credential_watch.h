// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "base/time.h"
#include "ipc/port_credentials.h"

namespace holdfast {

// Looks at the files of the ports' credentials, and says what they hold once it has stayed the same
// for a while: a certificate and its key are not written at one instant. Lives in the scout.
class CredentialWatch {
 public:
  static constexpr auto kSettleTime = std::chrono::milliseconds(500);
  using Check = std::function<Status(const PortCredentials&)>;

  // `check` says whether contents can be used.
  CredentialWatch(PortCredentials files, Check check)
      : files_(std::move(files)), check_(std::move(check)) {}

  // What is to be told: contents that can be used, or why they cannot. Nothing as long as nothing
  // has changed since it was told last. Whoever asks says that the files are complete, and is
  // always told.
  std::optional<Result<PortCredentials>> Look(TimePoint now, bool asked);

  // Whether to look again after kSettleTime.
  bool unsettled() const { return pending_.has_value(); }
  // What to watch for changes.
  std::set<std::string> folders() const;

 private:
  struct Seen {
    PortCredentials contents;
    std::string fault;  // Why they could not be read; empty: they were.
    Reason reason = Reason::kOk;
    bool operator==(const Seen&) const = default;
  };
  Seen See() const;

  PortCredentials files_;
  Check check_;
  std::optional<Seen> told_;
  std::optional<Seen> pending_;
  TimePoint since_;  // Of what is pending.
};

}  // namespace holdfast
