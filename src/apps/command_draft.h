// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "apps/command_definitions.h"

namespace holdfast {

// A command that is being defined, and where its parser puts what it finds.
template <class Options>
struct Draft {
  CommandDefinition definition;
  std::shared_ptr<Options> options = std::make_shared<Options>();
  CLI::App& app() { return *definition.app; }
};

template <class Options>
Draft<Options> Begin(const std::string& name, const std::string& summary,
                     const std::string& description, const std::vector<std::string>& examples) {
  Draft<Options> draft;
  draft.definition = {.name = name,
                      .summary = summary,
                      .description = description,
                      .examples = examples,
                      .app = std::make_shared<CLI::App>()};
  draft.app().set_help_flag("-h,--help", "Show this help.");
  draft.app().allow_extras();
  if constexpr (std::is_constructible_v<Command, Options>) {
    draft.definition.take = [options = draft.options] { return Command(*options); };
  }
  return draft;
}

// What a command that takes one word is asked for.
struct Choice {
  std::string word;
};

// A validator's words would otherwise appear in --help as part of the value's name.
template <class Validator>
CLI::Validator Quiet(Validator validator) {
  return validator.description("");
}

}  // namespace holdfast
