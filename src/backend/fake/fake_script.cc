// SPDX-License-Identifier: Apache-2.0
#include "backend/fake/fake_script.h"

// Header-only: the packaged library is built with exceptions.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
// "[)" breaks an assertion of the parser, which can tell it as the error that it is.
#define TOML_ASSERT(expr) static_assert(true)
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace holdfast {
namespace {

struct MisdeedName {
  std::string_view name;
  Misdeed misdeed;
};

constexpr std::array kMisdeeds{
    MisdeedName{"none", Misdeed::kNone},       MisdeedName{"abort", Misdeed::kAbort},
    MisdeedName{"segv", Misdeed::kSegv},       MisdeedName{"exit", Misdeed::kExit},
    MisdeedName{"hang", Misdeed::kHang},       MisdeedName{"spin", Misdeed::kSpin},
    MisdeedName{"leak", Misdeed::kLeak},       MisdeedName{"out-of-memory", Misdeed::kOutOfMemory},
    MisdeedName{"error", Misdeed::kError},     MisdeedName{"slow", Misdeed::kSlow},
    MisdeedName{"nan", Misdeed::kNan},         MisdeedName{"inf", Misdeed::kInf},
    MisdeedName{"zeros", Misdeed::kZeros},     MisdeedName{"open-file", Misdeed::kOpenFile},
    MisdeedName{"connect", Misdeed::kConnect}, MisdeedName{"execute", Misdeed::kExecute},
    MisdeedName{"fork", Misdeed::kFork},       MisdeedName{"signal", Misdeed::kSignal},
};

constexpr double kMillisecondsMax = 3'600'000;
constexpr std::int64_t kSideMax = 4096;
constexpr std::int64_t kFakeClassesMax = 100'000;

// Reads one table; a test's file needs only its first fault, so the first one is kept.
class ScriptReader {
 public:
  ScriptReader(const toml::table& table, std::string_view file_name)
      : table_(table), file_name_(file_name) {}

  template <class T>
  void Integer(std::string_view key, std::int64_t min, std::int64_t max, T& target) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    const std::int64_t number = node->value_exact<std::int64_t>().value_or(min - 1);
    if (number < min || number > max) {
      return Complain(*node, fmt::format("{} must be a whole number from {} to {}", key, min, max));
    }
    target = static_cast<T>(number);
  }

  void Time(std::string_view key, Duration& target) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    const double ms = node->value<double>().value_or(-1);
    if (!(ms >= 0 && ms <= kMillisecondsMax)) {
      return Complain(*node, fmt::format("{} must be milliseconds, at most an hour", key));
    }
    target = Duration(static_cast<std::int64_t>(ms * 1e6));
  }

  void Flag(std::string_view key, bool& target) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (!node->is_boolean()) return Complain(*node, fmt::format("{} must be true or false", key));
    target = node->as_boolean()->get();
  }

  void Deed(std::string_view key, Misdeed& target) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    const std::string text = node->value_exact<std::string>().value_or("");
    std::vector<std::string_view> names;
    for (const MisdeedName& entry : kMisdeeds) {
      names.push_back(entry.name);
      if (entry.name != text) continue;
      target = entry.misdeed;
      return;
    }
    Complain(*node, fmt::format("{} must be one of {}", key, fmt::join(names, ", ")));
  }

  const toml::node* Find(std::string_view key) {
    known_.emplace_back(key);
    return table_.get(key);
  }

  void Complain(const toml::node& node, std::string_view what) {
    if (fault_.empty()) {
      fault_ = fmt::format("{}:{} {}", file_name_, node.source().begin.line, what);
    }
  }

  Status Finish() {
    for (auto&& [key, node] : table_) {
      if (std::find(known_.begin(), known_.end(), key.str()) == known_.end()) {
        Complain(node,
                 fmt::format("unknown key {}; there are: {}", key.str(), fmt::join(known_, ", ")));
      }
    }
    if (!fault_.empty()) return Error{Reason::kBadModel, fault_};
    return {};
  }

 private:
  const toml::table& table_;
  std::string_view file_name_;
  std::vector<std::string> known_;
  std::string fault_;
};

Result<FakeRule> ReadRule(const toml::table& table, std::string_view file_name,
                          std::uint32_t classes) {
  FakeRule rule;
  ScriptReader reader(table, file_name);
  if (table.contains("class")) {
    rule.on_class = 0;
    reader.Integer("class", 0, std::int64_t{classes} - 1, *rule.on_class);
  } else {
    reader.Find("class");
  }
  reader.Integer("after", 0, INT64_MAX, rule.after);
  reader.Deed("do", rule.misdeed);
  reader.Time("ms", rule.slow);
  reader.Integer("leak_mib", 1, 65'536, rule.leak_mib);
  TRY_DO(reader.Finish());
  return rule;
}

}  // namespace

Result<FakeScript> ParseFakeScript(std::string_view toml, std::string_view file_name) {
  const toml::parse_result result = toml::parse(toml, file_name);
  if (!result) {
    return Error{Reason::kBadModel,
                 fmt::format("{}:{} {}", file_name, result.error().source().begin.line,
                             result.error().description())};
  }
  FakeScript script;
  ScriptReader reader(result.table(), file_name);
  reader.Integer("classes", 2, kFakeClassesMax, script.classes);
  reader.Integer("width", 1, kSideMax, script.width);
  reader.Integer("height", 1, kSideMax, script.height);
  reader.Time("service_ms", script.service);
  reader.Flag("busy", script.busy);
  reader.Time("load_ms", script.load);
  reader.Deed("on_load", script.on_load);
  const toml::node* rules = reader.Find("on");
  if (rules != nullptr && !rules->is_array_of_tables()) {
    reader.Complain(*rules, "on must be [[on]] tables");
  }
  TRY_DO(reader.Finish());
  if (rules != nullptr) {
    for (const toml::node& rule : *rules->as_array()) {
      script.rules.push_back(TRY(ReadRule(*rule.as_table(), file_name, script.classes)));
    }
  }
  return script;
}

}  // namespace holdfast
