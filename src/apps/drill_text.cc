// SPDX-License-Identifier: Apache-2.0
#include "apps/drill_text.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <map>
#include <vector>

namespace holdfast {
namespace {

using Counts = std::map<std::string, std::uint64_t>;
using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

// Of the workers that ended, in milliseconds, the shortest first.
std::vector<double> RespawnTimes(const DrillReport& report) {
  std::vector<double> times;
  for (const DrillEvent& event : report.events) {
    if (event.worker_ended) times.push_back(Milliseconds(event.respawn));
  }
  std::ranges::sort(times);
  return times;
}

Counts Injected(const DrillReport& report) {
  Counts injected;
  for (const DrillEvent& event : report.events)
    ++injected[std::string(DrillFaultWord(event.fault))];
  return injected;
}

std::uint64_t Total(const Counts& counts) {
  std::uint64_t total = 0;
  for (const auto& [name, count] : counts) total += count;
  return total;
}

// "3 (hung 1, signal 2)"
std::string Line(const Counts& counts) {
  std::string parts;
  for (const auto& [name, count] : counts) {
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", name, count);
  }
  return fmt::format("{}{}", Total(counts), parts.empty() ? "" : fmt::format("  ({})", parts));
}

void Write(Writer& writer, const char* key, std::uint64_t number) {
  writer.Key(key);
  writer.Uint64(number);
}

void Write(Writer& writer, const char* key, double number) {
  writer.Key(key);
  writer.Double(number);
}

void Write(Writer& writer, const char* key, const Counts& counts) {
  writer.Key(key);
  writer.StartObject();
  for (const auto& [name, count] : counts) Write(writer, name.c_str(), count);
  writer.EndObject();
}

void WriteTimes(Writer& writer, const std::vector<double>& times) {
  writer.Key("respawn_ms");
  if (times.empty()) {
    writer.Null();
    return;
  }
  writer.StartObject();
  Write(writer, "min", times.front());
  Write(writer, "median", times[times.size() / 2]);
  Write(writer, "max", times.back());
  writer.EndObject();
}

}  // namespace

std::string FormatDrillTable(const DrillReport& report) {
  std::string out;
  const auto line = [&out](const char* name, const auto& value) {
    out += fmt::format("{:<11}{}\n", name, value);
  };
  line("time", fmt::format("{:.1f} s{}", report.seconds,
                           report.watched ? ", watched"
                                          : fmt::format(", {:.1f} requests/s", report.per_second)));
  line("faults", Line(Injected(report)));
  if (report.without_effect() > 0) line("no effect", report.without_effect());
  line("offered", report.offered);
  line("answered", report.answered);
  line("refused", Line(report.refused));
  if (!report.watched) line("late", report.late);
  line("lost", report.lost);
  if (!report.watched) line("wrong", report.wrong);
  line("rescues", report.rescues);
  line("exits", Line(report.exits));
  if (const std::vector<double> times = RespawnTimes(report); !times.empty()) {
    line("respawn", fmt::format("min {:.1f} ms, median {:.1f} ms, max {:.1f} ms", times.front(),
                                times[times.size() / 2], times.back()));
  }
  line("verdict", report.passed() ? "passed: nothing lost, nothing wrong" : "FAILED");
  return out;
}

std::string FormatDrillJson(const DrillReport& report) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  writer.Key("passed");
  writer.Bool(report.passed());
  writer.Key("watched");
  writer.Bool(report.watched);
  Write(writer, "seconds", report.seconds);
  Write(writer, "rate", report.per_second);
  Write(writer, "faults", Injected(report));
  Write(writer, "without_effect", report.without_effect());
  Write(writer, "offered", report.offered);
  Write(writer, "answered", report.answered);
  Write(writer, "late", report.late);
  Write(writer, "refused", report.refused);
  Write(writer, "lost", report.lost);
  Write(writer, "wrong", report.wrong);
  Write(writer, "rescues", report.rescues);
  Write(writer, "exits", report.exits);
  WriteTimes(writer, RespawnTimes(report));
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + '\n';
}

std::string FormatDrillEvent(const DrillEvent& event) {
  return fmt::format(
      "{}: {} #{} (pid {}) {}", DrillFaultWord(event.fault), event.model, event.slot, event.pid,
      event.worker_ended
          ? fmt::format("ended; the next was ready after {:.1f} ms", Milliseconds(event.respawn))
          : "goes on: the fault has had no effect yet");
}

}  // namespace holdfast
