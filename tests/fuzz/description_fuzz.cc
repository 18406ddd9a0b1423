// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ipc/death_report.h"
#include "ipc/description.h"
#include "ipc/offer_list.h"
#include "ipc/servable_list.h"

// The first byte chooses: a servable's description, a death report, a list of servables or of
// offers. What is accepted comes back when it is sent on.
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
  if (bytes[0] == 'l') {
    const auto list = DecodeServableList(json);
    if (!list) return 0;
    const auto again = DecodeServableList(EncodeServableList(*list));
    if (!again || *again != *list) std::abort();
    return 0;
  }
  if (bytes[0] == 'o') {
    const auto offers = DecodeOffering(json);
    if (!offers) return 0;
    const auto again = DecodeOffering(EncodeOffering(*offers));
    if (!again || *again != *offers) std::abort();
    return 0;
  }
  const auto description = DecodeDescription(json);
  if (!description) return 0;
  const auto again = DecodeDescription(EncodeDescription(*description));
  if (!again || *again != *description) std::abort();
  return 0;
}
