// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/offer.h"

namespace holdfast {

// What a repository holds, as JSON, for the sealed memory that carries it from scout to supervisor.
std::string EncodeOffers(const std::vector<Offer>& offers);
// kBadRequest for anything else.
Result<std::vector<Offer>> DecodeOffers(std::string_view json);

}  // namespace holdfast
