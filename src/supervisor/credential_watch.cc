// SPDX-License-Identifier: Apache-2.0
#include "supervisor/credential_watch.h"

#include <filesystem>
#include <utility>

namespace holdfast {

CredentialWatch::Seen CredentialWatch::See() const {
  Result<PortCredentials> contents = ReadPortCredentials(files_);
  if (contents) return {.contents = *std::move(contents), .fault = {}};
  return {.contents = {}, .fault = contents.error().message, .reason = contents.error().reason};
}

std::optional<Result<PortCredentials>> CredentialWatch::Look(TimePoint now, bool asked) {
  if (!files_.any()) return std::nullopt;
  Seen seen = See();
  if (!asked) {
    if (told_ == seen) {
      pending_.reset();
      return std::nullopt;
    }
    if (pending_ != seen) {
      pending_ = std::move(seen);
      since_ = now;
      return std::nullopt;
    }
    if (now - since_ < kSettleTime) return std::nullopt;
  }
  pending_.reset();
  told_ = std::move(seen);
  if (!told_->fault.empty()) return Error{told_->reason, told_->fault};
  if (const Status checked = check_(told_->contents); !checked) return checked.error();
  return told_->contents;
}

std::set<std::string> CredentialWatch::folders() const {
  std::set<std::string> folders;
  for (const PortCredential& one : PortCredentialTable()) {
    const std::filesystem::path file = files_.*one.member;
    if (file.empty()) continue;
    folders.insert(file.has_parent_path() ? file.parent_path().string() : ".");
  }
  return folders;
}

}  // namespace holdfast
