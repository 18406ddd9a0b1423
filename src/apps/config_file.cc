// SPDX-License-Identifier: Apache-2.0
#include "apps/config_file.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <optional>

#include "base/bytes.h"
#include "base/nearest_name.h"
#include "base/reason.h"

// The header as it is: Debian's library is built with exceptions.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
// "[)" breaks an assertion of the parser, which can tell it as the error that it is.
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

namespace holdfast {
namespace {

constexpr std::size_t kFileBytesMax = KiB(256);

std::optional<std::string> ReadText(const std::filesystem::path& file,
                                    std::vector<ConfigProblem>& problems) {
  const int no_input = Describe(Reason::kNotFound).exit_code;
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    problems.push_back(
        {file.string(), "no such file; check --config and HOLDFAST_CONFIG", no_input});
    return std::nullopt;
  }
  std::ifstream stream(file, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || !stream.eof()) {
    const bool large = stream.good();
    problems.push_back({file.string(),
                        large ? "larger than 256 KiB; is it the right file?"
                              : "cannot be read; check its permissions",
                        no_input});
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

std::vector<std::string> Keys() {
  std::vector<std::string> keys;
  for (const Setting& setting : Settings()) keys.emplace_back(setting.name);
  return keys;
}

// The value as the flag would spell it. A number where text is wanted, or the reverse, is refused:
// a file has types, and a quoted port is a mistake worth a line.
std::optional<std::string> ValueText(const Setting& setting, const toml::node& node) {
  if (IsNumber(setting)) {
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (setting.unit != "bytes") return std::nullopt;
  }
  if (const auto* text = node.as_string()) return text->get();
  return std::nullopt;
}

std::string_view WantedType(const Setting& setting) {
  if (!IsNumber(setting)) return "text in quotes";
  return setting.unit == "bytes" ? "a whole number, or a size in quotes such as \"16MiB\""
                                 : "a whole number without quotes";
}

}  // namespace

void ParseConfigText(std::string_view text, std::string_view file_name, const TakeValue& take,
                     std::vector<ConfigProblem>& problems) {
  const int bad_config = Describe(Reason::kBadModel).exit_code;
  const auto refuse = [&](const toml::source_region& at, std::string what) {
    problems.push_back(
        {fmt::format("{}:{}", file_name, at.begin.line), std::move(what), bad_config});
  };

  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    refuse(parsed.error().source(), fmt::format("is no TOML: {}", parsed.error().description()));
    return;
  }
  for (const auto& [key, node] : parsed.table()) {
    const Setting* setting = FindSetting(key.str());
    if (setting == nullptr) {
      const std::string nearest = NearestName(key.str(), Keys());
      refuse(key.source(),
             nearest.empty()
                 ? fmt::format("no such key: {}; see 'holdfast serve --help'", key.str())
                 : fmt::format("no such key: {}; try {}", key.str(), nearest));
      continue;
    }
    const std::optional<std::string> value = ValueText(*setting, node);
    if (!value) {
      refuse(key.source(), fmt::format("{} wants {}", key.str(), WantedType(*setting)));
      continue;
    }
    const std::string where = fmt::format("{}:{}", file_name, key.source().begin.line);
    if (auto wrong = take(*setting, *value, where)) {
      refuse(key.source(), fmt::format("{}: {}", key.str(), *wrong));
    }
  }
}

void ReadConfigFile(const std::filesystem::path& file, const TakeValue& take,
                    std::vector<ConfigProblem>& problems) {
  const std::optional<std::string> text = ReadText(file, problems);
  if (text) ParseConfigText(*text, file.string(), take, problems);
}

}  // namespace holdfast
