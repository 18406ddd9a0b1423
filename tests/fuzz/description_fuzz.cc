// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ipc/death_report.h"
#include "ipc/description.h"

// The first byte chooses: a servable's description, or a death report. What is accepted comes back
// when it is sent on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace holdfast;
  if (size == 0) return 0;
  const std::string_view json(reinterpret_cast<const char*>(bytes + 1), size - 1);
  if (bytes[0] == 'd') {
    const auto report = DecodeDeathReport(json);
    if (!report) return 0;
    const auto again = DecodeDeathReport(EncodeDeathReport(*report));
    if (!again || *again != *report) std::abort();
    return 0;
  }
  const auto description = DecodeDescription(json);
  if (!description) return 0;
  const auto again = DecodeDescription(EncodeDescription(*description));
  if (!again || *again != *description) std::abort();
  return 0;
}
