// SPDX-License-Identifier: Apache-2.0
#include "apps/drill_command.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "apps/admin_commands.h"
#include "apps/drill_text.h"
#include "apps/failure.h"
#include "apps/picture_file.h"
#include "gateway/client/drill.h"
#include "gateway/client/generated_picture.h"

namespace holdfast {
namespace {

constexpr std::uint32_t kGeneratedPictures = 4;
constexpr int kNotPassedCode = 1;

Result<DrillOptions> OptionsOf(const DrillCommand& command) {
  DrillOptions options{.admin = TRY(AdminServer(command.server)),
                       .faults = {},
                       .duration = command.duration,
                       .every = command.every,
                       .watch = command.watch,
                       .among_traffic = command.yes,
                       .per_second = command.rate.value_or(0),
                       .pictures = {}};
  for (const std::string& word : command.faults) {
    options.faults.push_back(DrillFaultFromWord(word).value());
  }
  if (options.faults.empty()) options.faults.assign(DrillFaults().begin(), DrillFaults().end());
  for (const std::string& file : command.photos) {
    auto picture = ReadPicture(file, kPictureBytesMax);
    if (!picture) {
      return Error{picture.error().reason, fmt::format("{}: {}", file, picture.error().message)};
    }
    options.pictures.push_back(*std::move(picture));
  }
  for (std::uint32_t seed = 0; command.photos.empty() && seed < kGeneratedPictures; ++seed) {
    options.pictures.push_back(GeneratedPicture(seed));
  }
  return options;
}

}  // namespace

int RunDrillCommand(const DrillCommand& command) {
  const auto options = OptionsOf(command);
  if (!options) return Fail(options.error());
  const auto report = RunDrill(*options, [](const DrillEvent& event) {
    fmt::print(stderr, "holdfast: {}\n", FormatDrillEvent(event));
  });
  if (!report) return Fail(report.error());
  const int shown = Show(command.json ? FormatDrillJson(*report) : FormatDrillTable(*report));
  return report->passed() ? shown : kNotPassedCode;
}

}  // namespace holdfast
