// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "simulation/agenda.h"

namespace holdfast::simulation {

// The invariants that a simulation saw broken; on request, all that happened in it.
class Findings {
 public:
  Findings(const Agenda& agenda, bool verbose) : agenda_(agenda), verbose_(verbose) {}

  template <class... Args>
  void Require(bool holds, fmt::format_string<Args...> text, Args&&... args) {
    if (holds) return;
    Note("BROKEN: " + fmt::format(text, std::forward<Args>(args)...), true);
  }
  template <class... Args>
  void Tell(fmt::format_string<Args...> text, Args&&... args) {
    if (verbose_) Note(fmt::format(text, std::forward<Args>(args)...), false);
  }

  const std::vector<std::string>& broken() const { return broken_; }

 private:
  void Note(const std::string& text, bool broken) {
    const double ms = Milliseconds(agenda_.now() - TimePoint(std::chrono::hours(1)));
    const std::string line = fmt::format("{:12.6f} ms  {}", ms, text);
    if (verbose_) std::puts(line.c_str());
    if (broken && broken_.size() < 5) broken_.push_back(line);
  }

  const Agenda& agenda_;
  bool verbose_;
  std::vector<std::string> broken_;
};

}  // namespace holdfast::simulation
