// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast {

// What a fake model does instead of, or before, answering rightly.
enum class Misdeed {
  kNone,
  kAbort,        // SIGABRT.
  kSegv,         // SIGSEGV.
  kExit,         // Exits with status 3, without a word.
  kHang,         // Waits for ever, idle.
  kSpin,         // Waits for ever, busy.
  kLeak,         // Keeps and touches `leak_mib` more with each item; answers rightly.
  kOutOfMemory,  // Reports that memory ran out.
  kError,        // Reports an error.
  kSlow,         // Answers rightly after `ms` more.
  kNan,          // Scores are not numbers.
  kInf,          // Scores are infinite.
  kZeros,        // All scores are 0: finite, and no answer.
  // What the sandbox must not let it do; INTERNAL where it could.
  kOpenFile,
  kConnect,
  kExecute,
  kFork,
  kSignal,  // To process 1.
};

// When to do which misdeed. The first rule that fits an item decides.
struct FakeRule {
  std::optional<std::uint32_t> on_class;  // The right answer for the item; none: every item.
  std::uint64_t after = 0;                // Items of this process that pass before it applies.
  Misdeed misdeed = Misdeed::kNone;
  Duration slow{};
  std::uint32_t leak_mib = 64;
};

// A fake.toml, as docs/reference/fake-engine.md describes it.
struct FakeScript {
  std::uint32_t classes = 10;
  std::uint32_t width = 32;
  std::uint32_t height = 32;
  Duration service{};  // What every answer takes.
  bool busy = true;    // Whether it is spent computing or waiting.
  Duration load{};     // What loading takes.
  Misdeed on_load = Misdeed::kNone;
  std::vector<FakeRule> rules;
};

Result<FakeScript> ParseFakeScript(std::string_view toml, std::string_view file_name);

}  // namespace holdfast
