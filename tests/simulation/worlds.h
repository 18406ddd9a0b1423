// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::simulation {

enum class Telling { kQuiet, kVerbose };

// What one seed's world came to.
struct Outcome {
  std::vector<std::string> broken;  // Invariants, with the simulated time.
  std::uint64_t events = 0;
  std::uint64_t decide_calls = 0;
  std::uint64_t items = 0;
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;
  std::uint64_t shed = 0;
  std::uint64_t rescued = 0;
  std::uint64_t gave_up = 0;  // Whether the fleet did.
};

// A Scheduler, its gateway and a supervisor without manners.
Outcome RunGatewayWorld(std::uint64_t seed, Telling telling);
// A Fleet, its supervisor, and processes that die by themselves.
Outcome RunFleetWorld(std::uint64_t seed, Telling telling);
// Both together, as in production.
Outcome RunWholeWorld(std::uint64_t seed, Telling telling);

}  // namespace holdfast::simulation
