// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/model_config.h"

// What is refused has a reason; what is accepted comes back when it is written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  const std::string_view toml(reinterpret_cast<const char*>(bytes), size);
  // toml++ 3.3 runs into its own __builtin_unreachable at some letters outside ASCII, where it asks
  // whether they are white space. What g++ makes of that is "no"; UBSan ends the fuzzer there.
  if (std::any_of(bytes, bytes + size, [](std::uint8_t byte) { return byte >= 0x80; })) return 0;
  const auto config = ParseModelConfig(toml, "model.toml");
  if (!config) {
    if (config.error().empty()) std::abort();
    return 0;
  }
  const auto again = ParseModelConfig(FormatModelConfig(*config), "model.toml");
  if (!again || *again != *config) std::abort();
  return 0;
}
