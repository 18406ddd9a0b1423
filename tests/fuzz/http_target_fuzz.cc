// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gateway/http/face.h"
#include "gateway/http/request_target.h"

// "METHOD TARGET": what a client may put into the first line of a request.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const std::string_view line(reinterpret_cast<const char*>(bytes), size);
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  const std::string_view target = line.substr(space + 1);
  if (const auto parsed = ParseTarget(target); parsed) {
    for (const std::string& segment : parsed->segments) {
      for (const char c : segment) {
        if (c >= 0 && c < ' ') std::abort();
      }
    }
  } else if (parsed.error().message.empty()) {
    std::abort();
  }
  const auto route = ResolveRoute(line.substr(0, space), target);
  if (!route && route.error().error.message.empty()) std::abort();
  if (route && (route->top < 1 || route->top > 1000)) std::abort();
  return 0;
}
