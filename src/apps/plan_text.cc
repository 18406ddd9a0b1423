// SPDX-License-Identifier: Apache-2.0
#include "apps/plan_text.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string_view>

#include "sizing/parameter_file.h"

namespace holdfast {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void Write(Writer& writer, std::string_view text) {
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void Write(Writer& writer, const char* key, std::string_view text) {
  writer.Key(key);
  Write(writer, text);
}

void Write(Writer& writer, const char* key, double number) {
  writer.Key(key);
  writer.Double(number);
}

void Write(Writer& writer, const char* key, std::uint64_t number) {
  writer.Key(key);
  writer.Uint64(number);
}

void Write(Writer& writer, const char* key, const std::vector<std::string>& lines) {
  writer.Key(key);
  writer.StartArray();
  for (const std::string& line : lines) Write(writer, line);
  writer.EndArray();
}

void Write(Writer& writer, const KitRule& kit, const Sizing& sizing) {
  writer.StartObject();
  Write(writer, "type", sizing.type->name);
  Write(writer, "source", SourceWord(sizing.capacity.source));
  Write(writer, "workers", std::uint64_t{sizing.capacity.workers});
  Write(writer, "images_per_second", sizing.capacity.images_per_second);
  Write(writer, "memory_bytes", sizing.memory_bytes);
  Write(writer, "utilisation", sizing.utilisation);
  Write(writer, "instances_min", std::uint64_t{sizing.instances_min});
  Write(writer, "instances_max", std::uint64_t{sizing.instances_max});
  Write(writer, "p99_ms", sizing.p99_ms);
  Write(writer, "p99_one_gone_ms", sizing.p99_degraded_ms);
  Write(writer, "cpu_target_percent", std::uint64_t{sizing.cpu_target});
  Write(writer, "concurrency_target", std::uint64_t{sizing.concurrency_target});
  Write(writer, "requests_per_minute_target", sizing.requests_per_minute);
  Write(writer, "dollars_per_month", sizing.dollars_per_month);
  Write(writer, "dollars_per_million", sizing.dollars_per_million);
  writer.Key("within_budget");
  writer.Bool(sizing.within_budget);
  writer.Key("parameters");
  writer.StartObject();
  for (const auto& [name, value] : ParametersOf(kit, sizing)) {
    Write(writer, name.c_str(), value);
  }
  writer.EndObject();
  Write(writer, "reasoning", sizing.reasoning);
  writer.EndObject();
}

void WriteTimes(Writer& writer, const KitRule& kit) {
  writer.Key("seconds");
  writer.StartObject();
  Write(writer, "lame_duck", std::uint64_t{kit.lame_duck_s});
  Write(writer, "drain", std::uint64_t{kit.drain_s});
  Write(writer, "stop_timeout", std::uint64_t{kit.stop_timeout_s});
  Write(writer, "deregistration", std::uint64_t{kit.deregistration_s});
  Write(writer, "grace_period", std::uint64_t{kit.grace_s});
  writer.EndObject();
}

std::string FileLine(const KitRule& kit) {
  if (kit.kit == Kit::kEks) return "deploy/eks/base: --output FILE writes an overlay of it";
  return fmt::format(
      "deploy/{0}/template.yaml: --output FILE writes these for python3 -m deploy.rollout up {0} "
      "--parameters FILE",
      kit.word);
}

}  // namespace

std::string FormatPlanTable(const PlanRequest& request, const Plan& plan) {
  std::string out = fmt::format(
      "{}: {:g} images/s, deadline {:g} ms, p99 up to {:.0f} ms, kit {}\nprices: {}\n\n",
      request.workload.model, request.rate, request.deadline_ms, plan.response_limit_ms,
      request.kit->word, kPricesFrom);
  out += fmt::format("{:<18} {:>9} {:>9} {:>7} {:>7} {:>9} {:>8} {:>9}  {}\n", "type", "$/million",
                     "$/month", "min-max", "workers", "images/s", "p99 ms", "figures", "budget");
  for (const Sizing& sizing : plan.ranked) {
    out += fmt::format("{:<18} {:>9.2f} {:>9.2f} {:>7} {:>7} {:>9.1f} {:>8.0f} {:>9}  {}\n",
                       sizing.type->name, sizing.dollars_per_million, sizing.dollars_per_month,
                       fmt::format("{}-{}", sizing.instances_min, sizing.instances_max),
                       sizing.capacity.workers, sizing.capacity.images_per_second, sizing.p99_ms,
                       SourceWord(sizing.capacity.source),
                       !request.budget        ? "none given"
                       : sizing.within_budget ? "within"
                                              : "above");
  }
  for (const Refusal& refusal : plan.refused) {
    out += fmt::format("{:<18} no: {}\n", refusal.type->name, refusal.why);
  }
  const Sizing& shown = plan.ranked.front();
  out += fmt::format("\n{}, line by line\n", shown.type->name);
  for (const std::string& line : shown.reasoning) out += fmt::format("- {}\n", line);
  for (const std::string& line : plan.times) out += fmt::format("- {}\n", line);
  for (const auto& [name, value] : ParametersOf(*request.kit, shown)) {
    out += fmt::format("{} = {}\n", name, value);
  }
  return out + FileLine(*request.kit) + '\n';
}

std::string FormatPlanJson(const PlanRequest& request, const Plan& plan) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  Write(writer, "model", request.workload.model);
  Write(writer, "kit", request.kit->word);
  Write(writer, "rate", request.rate);
  Write(writer, "deadline_ms", request.deadline_ms);
  Write(writer, "p99_limit_ms", plan.response_limit_ms);
  Write(writer, "prices", kPricesFrom);
  WriteTimes(writer, *request.kit);
  Write(writer, "times", plan.times);
  writer.Key("ranked");
  writer.StartArray();
  for (const Sizing& sizing : plan.ranked) Write(writer, *request.kit, sizing);
  writer.EndArray();
  writer.Key("refused");
  writer.StartArray();
  for (const Refusal& refusal : plan.refused) {
    writer.StartObject();
    Write(writer, "type", refusal.type->name);
    Write(writer, "why", refusal.why);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + '\n';
}

}  // namespace holdfast
