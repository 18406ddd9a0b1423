// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast {

// What a measurement holds for. Another processor, model file or engine: another key.
struct TuningKey {
  std::string cpu;           // os/cpu.h
  std::string features;      // Likewise.
  std::string model_sha256;  // Of the model file.
  std::string engines;       // Those that were compared: "onnxruntime 1.28.0, openvino 2026.4.1".
  bool operator==(const TuningKey&) const = default;
};

// One engine with so many workers.
struct TunedPoint {
  std::string engine;
  std::uint32_t workers = 1;
  double images_per_second = 0;  // The median of all rounds, over all workers.
  double slowest = 0;            // Of the rounds.
  double fastest = 0;
  bool operator==(const TunedPoint&) const = default;
};

// What `holdfast tune` measured on one kind of host, and chose.
struct Tuning {
  TuningKey key;
  std::uint32_t cores = 1;
  std::string engine;
  std::uint32_t workers = 1;
  std::vector<TunedPoint> points;
  bool operator==(const Tuning&) const = default;
};

// Beside model.toml: one entry a kind of host, so that a fleet of several can share the folder.
inline constexpr std::string_view kTuningFile = "tuned.toml";

// kNotFound: there is no such file. kBadModel says what is wrong with it.
Result<std::vector<Tuning>> ReadTunings(const std::filesystem::path& folder);
Result<std::vector<Tuning>> ParseTunings(std::string_view toml);
std::string FormatTunings(const std::vector<Tuning>& tunings);

// The entry of `key`, that of as many cores first.
std::optional<Tuning> FindTuning(const std::vector<Tuning>& tunings, const TuningKey& key,
                                 std::uint32_t cores);
// Takes the place of the entry of the same key and cores.
void ReplaceTuning(std::vector<Tuning>& tunings, Tuning tuning);

// The best of what was measured. The engine that comes first stays unless another one is
// kEngineGain times as fast and was never slower; of its worker counts the smallest that reaches
// kWorkersEnough of the most: each worker costs memory and a share of a request's time.
inline constexpr double kEngineGain = 1.05;
inline constexpr double kWorkersEnough = 0.97;
TunedPoint ChoosePoint(const std::vector<TunedPoint>& points);
// The point of `engine` with the most images a second; there must be one of it.
const TunedPoint& BestOf(const std::vector<TunedPoint>& points, std::string_view engine);

}  // namespace holdfast
