// SPDX-License-Identifier: Apache-2.0
#include "model/tuning.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "model/text_file.h"
#include "model/toml_reader.h"
#include "model/toml_text.h"

namespace holdfast {
namespace {

constexpr std::size_t kTuningBytesMax = KiB(256);

template <class T>
bool Take(const toml::table& table, std::string_view key, T& target) {
  const auto value = table[key].value_exact<T>();
  if (value) target = *value;
  return value.has_value();
}

bool TakeCount(const toml::table& table, std::string_view key, std::uint32_t& target) {
  std::int64_t number = 0;
  if (!Take(table, key, number) || number < 1 || number > 4096) return false;
  target = static_cast<std::uint32_t>(number);
  return true;
}

bool TakePoint(const toml::node& node, TunedPoint& point) {
  const toml::table* const table = node.as_table();
  return table != nullptr && Take(*table, "engine", point.engine) &&
         TakeCount(*table, "workers", point.workers) &&
         Take(*table, "images_per_second", point.images_per_second) &&
         Take(*table, "slowest", point.slowest) && Take(*table, "fastest", point.fastest);
}

bool TakeTuning(const toml::node& node, Tuning& tuning) {
  const toml::table* const table = node.as_table();
  if (table == nullptr || !Take(*table, "cpu", tuning.key.cpu) ||
      !Take(*table, "features", tuning.key.features) ||
      !Take(*table, "model_sha256", tuning.key.model_sha256) ||
      !Take(*table, "engines", tuning.key.engines) || !TakeCount(*table, "cores", tuning.cores) ||
      !Take(*table, "engine", tuning.engine) || !TakeCount(*table, "workers", tuning.workers)) {
    return false;
  }
  const toml::array* const points = (*table)["measured"].as_array();
  if (points == nullptr) return false;
  return std::all_of(points->begin(), points->end(), [&tuning](const toml::node& point) {
    return TakePoint(point, tuning.points.emplace_back());
  });
}

std::string FormatTuning(const Tuning& tuning) {
  std::string text = fmt::format(
      "\n[[host]]\ncpu = {}\nfeatures = {}\ncores = {}\nmodel_sha256 = {}\nengines = {}\n"
      "engine = {}\nworkers = {}\nmeasured = [\n",
      QuotedToml(tuning.key.cpu), QuotedToml(tuning.key.features), tuning.cores,
      QuotedToml(tuning.key.model_sha256), QuotedToml(tuning.key.engines),
      QuotedToml(tuning.engine), tuning.workers);
  for (const TunedPoint& point : tuning.points) {
    text += fmt::format(
        "  {{ engine = {}, workers = {}, images_per_second = {:.2f}, slowest = {:.2f}, "
        "fastest = {:.2f} }},\n",
        QuotedToml(point.engine), point.workers, point.images_per_second, point.slowest,
        point.fastest);
  }
  return text + "]\n";
}

}  // namespace

Result<std::vector<Tuning>> ParseTunings(std::string_view toml_text) {
  const toml::parse_result parsed = toml::parse(toml_text);
  if (!parsed) {
    return Error{Reason::kBadModel, fmt::format("line {}: {}", parsed.error().source().begin.line,
                                                parsed.error().description())};
  }
  const toml::array* const hosts = parsed.table()["host"].as_array();
  if (hosts == nullptr) return Error{Reason::kBadModel, "it has no [[host]]"};
  std::vector<Tuning> tunings;
  for (const toml::node& host : *hosts) {
    if (TakeTuning(host, tunings.emplace_back())) continue;
    return Error{Reason::kBadModel, fmt::format("line {}: an entry that 'holdfast tune' does not "
                                                "write",
                                                host.source().begin.line)};
  }
  return tunings;
}

Result<std::vector<Tuning>> ReadTunings(const std::filesystem::path& folder) {
  return ParseTunings(TRY(ReadTextFile(folder / kTuningFile, kTuningBytesMax)));
}

std::string FormatTunings(const std::vector<Tuning>& tunings) {
  std::string text =
      "# What `holdfast tune` measured, one entry a kind of host. engine = \"auto\" follows it.\n";
  for (const Tuning& tuning : tunings) text += FormatTuning(tuning);
  return text;
}

std::optional<Tuning> FindTuning(const std::vector<Tuning>& tunings, const TuningKey& key,
                                 std::uint32_t cores) {
  std::optional<Tuning> found;
  for (const Tuning& tuning : tunings) {
    if (tuning.key != key) continue;
    if (!found.has_value() || tuning.cores == cores) found = tuning;
  }
  return found;
}

void ReplaceTuning(std::vector<Tuning>& tunings, Tuning tuning) {
  std::erase_if(tunings, [&tuning](const Tuning& other) {
    return other.key.cpu == tuning.key.cpu && other.key.features == tuning.key.features &&
           other.cores == tuning.cores;
  });
  tunings.push_back(std::move(tuning));
}

const TunedPoint& BestOf(const std::vector<TunedPoint>& points, std::string_view engine) {
  const TunedPoint* best = nullptr;
  for (const TunedPoint& point : points) {
    if (point.engine != engine) continue;
    if (best == nullptr || best->images_per_second < point.images_per_second) best = &point;
  }
  CHECK(best != nullptr);
  return *best;
}

TunedPoint ChoosePoint(const std::vector<TunedPoint>& points) {
  CHECK(!points.empty());
  TunedPoint best = BestOf(points, points.front().engine);
  for (const TunedPoint& point : points) {
    const TunedPoint& other = BestOf(points, point.engine);
    const bool faster = other.images_per_second >= kEngineGain * best.images_per_second;
    if (faster && other.slowest > best.fastest) best = other;
  }
  TunedPoint chosen = best;
  for (const TunedPoint& point : points) {
    const bool enough = point.images_per_second >= kWorkersEnough * best.images_per_second;
    if (point.engine == best.engine && enough && point.workers < chosen.workers) chosen = point;
  }
  return chosen;
}

}  // namespace holdfast
