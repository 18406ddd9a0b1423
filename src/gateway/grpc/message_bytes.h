// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/bytes.h"

namespace holdfast {

// A message's bytes field, in place.
inline ByteView BytesOf(const std::string& field) {
  return {reinterpret_cast<const std::uint8_t*>(field.data()), field.size()};
}

}  // namespace holdfast
