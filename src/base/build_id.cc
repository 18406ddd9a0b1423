// SPDX-License-Identifier: Apache-2.0
#include "base/build_id.h"

namespace holdfast {

std::string_view Version() { return HOLDFAST_VERSION; }

std::string_view BuildId() { return HOLDFAST_BUILD_ID; }

std::string_view Compiler() {
#ifdef __clang__
  return __VERSION__;
#else
  return "g++ " __VERSION__;
#endif
}

}  // namespace holdfast
