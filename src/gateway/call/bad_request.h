// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace holdfast {

// The commonest refusal, of a request that is not as its protocol has it.
inline Error BadRequest(std::string message) {
  return Error{Reason::kBadRequest, std::move(message)};
}

}  // namespace holdfast
