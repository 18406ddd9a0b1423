// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace holdfast {

// A queue with several servers: Poisson arrivals, one constant service time, first come first
// served (M/D/c).
struct Queue {
  std::uint32_t servers = 1;
  double service_s = 0;
  double arrivals_per_s = 0;

  double utilisation() const { return arrivals_per_s * service_s / servers; }
};

// The time that all but `share` of the arrivals wait at most, in seconds; 0.01 gives the 99th
// percentile. Infinite where the queue grows without end.
//
// An approximation, on the safe side: P(W > t) = C e^(-λ(z-1)t), with Erlang's C and z > 1 from
// c ln z = λS(z-1), and a fifth of a service time on the result. The decay is that of M/D/c itself;
// C is that of M/M/c, which alone was found up to 0.15 service times too low. A simulation in
// waiting_time_test.cc holds it to that: never below what is simulated, and above it by less than
// half a service time.
double WaitExceededBy(double share, const Queue& queue);

// Erlang's C: the probability of finding all servers busy.
double ErlangC(std::uint32_t servers, double offered);

}  // namespace holdfast
