// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/offering.h"

namespace holdfast {

// What there is to serve, as JSON, for the sealed memory that carries it from scout to supervisor.
std::string EncodeOffering(const Offering& offering);
// kBadRequest for anything else.
Result<Offering> DecodeOffering(std::string_view json);

}  // namespace holdfast
