// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/client/admin_client.h"
#include "gateway/client/remote_status.h"

namespace holdfast {

// What `holdfast top` shows at one time.
struct TopView {
  RemoteStatus status;
  std::optional<StatusChange> change;  // Since the last look; nothing at the first.
  std::vector<RemoteDeath> deaths;     // The newest first.
  std::size_t columns = 100;           // Lines are cut there.
  std::size_t lines = 40;              // No more than this.
};

// As lines of text, without control characters.
std::string FormatTop(const TopView& view);

}  // namespace holdfast
