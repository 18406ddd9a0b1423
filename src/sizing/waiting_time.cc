// SPDX-License-Identifier: Apache-2.0
#include "sizing/waiting_time.h"

#include <cmath>
#include <limits>

namespace holdfast {
namespace {

constexpr int kLevelBisections = 200;
constexpr double kSafety = 0.2;  // Service times.

// The root above 1 of c ln z = λS(z-1).
double Decay(const Queue& queue) {
  const double offered = queue.arrivals_per_s * queue.service_s;
  const auto above = [&](double z) { return queue.servers * std::log(z) <= offered * (z - 1); };
  double low = 1 / queue.utilisation();  // Where the difference is largest, hence before the root.
  double high = 2 * low;
  while (!above(high)) high *= 2;
  for (int i = 0; i < kLevelBisections; ++i) {
    const double middle = (low + high) / 2;
    (above(middle) ? high : low) = middle;
  }
  return queue.arrivals_per_s * (low - 1);
}

}  // namespace

double ErlangC(std::uint32_t servers, double offered) {
  if (offered >= servers) return 1;
  // Erlang's B by its recurrence, which does not overflow.
  double blocked = 1;
  for (std::uint32_t n = 1; n <= servers; ++n) {
    blocked = offered * blocked / (n + offered * blocked);
  }
  return blocked / (1 - offered / servers * (1 - blocked));
}

double WaitExceededBy(double share, const Queue& queue) {
  if (queue.utilisation() >= 1) return std::numeric_limits<double>::infinity();
  if (queue.arrivals_per_s <= 0) return 0;
  const double waits = ErlangC(queue.servers, queue.arrivals_per_s * queue.service_s);
  if (waits <= share) return 0;
  return std::log(waits / share) / Decay(queue) + kSafety * queue.service_s;
}

}  // namespace holdfast
