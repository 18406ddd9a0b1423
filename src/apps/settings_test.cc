// SPDX-License-Identifier: Apache-2.0
#include "apps/settings.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "apps/setting_samples.h"

namespace holdfast {
namespace {

TEST(Settings, NoTwoShareAFlagAVariableOrAMember) {
  std::set<std::string> names{"config", "help"};
  for (const Setting& setting : Settings()) {
    EXPECT_TRUE(names.insert(FlagName(setting.name)).second) << setting.name;
    EXPECT_TRUE(names.insert(VariableName(setting.name)).second) << setting.name;
    if (!setting.flag_alias.empty()) {
      EXPECT_TRUE(names.insert(FlagName(setting.flag_alias)).second) << setting.name;
    }
    ServerConfig config;
    const std::string sample = SampleValue(setting);
    ASSERT_EQ(AssignText(setting, sample, config), std::nullopt) << setting.name;
    for (const Setting& other : Settings()) {
      const bool changed = FormatValue(other, config) != FormatValue(other, ServerConfig{});
      EXPECT_EQ(changed, other.name == setting.name) << setting.name << " and " << other.name;
    }
  }
}

TEST(Settings, EveryDefaultIsWithinItsBoundsAndReadsBackAsItself) {
  for (const Setting& setting : Settings()) {
    const std::string text = FormatValue(setting, ServerConfig{});
    if (text.empty()) continue;
    ServerConfig config;
    EXPECT_EQ(AssignText(setting, text, config), std::nullopt) << setting.name;
    EXPECT_EQ(config, ServerConfig{}) << setting.name;
  }
}

TEST(Settings, NumbersTakeTheirBoundsAndNothingBeyond) {
  for (const Setting& setting : Settings()) {
    if (!IsNumber(setting)) continue;
    ServerConfig config;
    for (const std::int64_t good : {setting.min, setting.max}) {
      EXPECT_EQ(AssignText(setting, std::to_string(good), config), std::nullopt) << setting.name;
    }
    const ServerConfig before = config;
    for (const std::string& bad :
         {std::to_string(setting.min - 1), std::to_string(setting.max + 1), std::string("-1"),
          std::string("1.5"), std::string("0x10"), std::string("12 "), std::string(" 12"),
          std::string("+1"), std::string("99999999999999999999"), std::string("many"),
          std::string()}) {
      EXPECT_NE(AssignText(setting, bad, config), std::nullopt) << setting.name << " " << bad;
    }
    EXPECT_EQ(config, before) << setting.name << " was changed by a value that it refused";
  }
}

TEST(Settings, SizesTakeUnitsAndDoNotOverflow) {
  const Setting& setting = *FindSetting("queue_bytes_max");
  ServerConfig config;
  EXPECT_EQ(AssignText(setting, "3MiB", config), std::nullopt);
  EXPECT_EQ(config.queue_bytes_max, MiB(3));
  EXPECT_EQ(FormatValue(setting, config), "3MiB");
  for (const char* bad : {"MiB", "3MB", "3 MiB", "3mib", "9223372036854775807GiB", "-1KiB"}) {
    EXPECT_NE(AssignText(setting, bad, config), std::nullopt) << bad;
  }
}

TEST(Settings, EveryHelpIsASentenceAndEveryUnitIsInTheName) {
  for (const Setting& setting : Settings()) {
    EXPECT_TRUE(setting.help.ends_with(".")) << setting.name;
    if (setting.unit == "ms" || setting.unit == "s") {
      EXPECT_TRUE(setting.name.find("_" + std::string(setting.unit)) != std::string::npos)
          << setting.name;
    }
  }
}

}  // namespace
}  // namespace holdfast
