// SPDX-License-Identifier: Apache-2.0
#include "gateway/http/drill_order.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

Result<DrillFault> Parse(const std::string& text) {
  return ParseDrillOrder({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

TEST(DrillOrder, NamesOneFault) {
  for (const DrillFault fault : DrillFaults()) {
    const std::string word(DrillFaultWord(fault));
    EXPECT_EQ(Parse("{\"fault\": \"" + word + "\"}").value(), fault);
    EXPECT_EQ(DrillFaultFromNumber(static_cast<std::uint32_t>(fault)), fault);
  }
  EXPECT_FALSE(DrillFaultFromNumber(0));
}

TEST(DrillOrder, RefusesEverythingElse) {
  for (const char* text :
       {"", "[]", "{}", "{\"fault\":1}", "{\"fault\":\"nap\"}", "{\"fault\":\"kill\",\"slot\":1}",
        "{\"fault\":\"kill\"", "{\"fault\":\"kill\",\"fault\":\"stop\"}"}) {
    const auto order = Parse(text);
    ASSERT_FALSE(order) << text;
    EXPECT_EQ(order.error().reason, Reason::kBadRequest);
  }
}

}  // namespace
}  // namespace holdfast
