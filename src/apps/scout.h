// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "ipc/mirror_options.h"
#include "supervisor/scout.h"

namespace holdfast {

constexpr std::string_view kScoutArgument = "scout";

// How a scout brings models here that lie elsewhere. Only holdfast-mirror can.
using MakeRefresh = std::function<Refresh(const MirrorOptions&)>;

// The role that the supervisor gives a copy of itself, or of holdfast-mirror: it watches the model
// folders.
int RunScout(std::span<const std::string> words, const MakeRefresh& make_refresh = {});

}  // namespace holdfast
