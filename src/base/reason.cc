// SPDX-License-Identifier: Apache-2.0
#include "base/reason.h"

#include <array>

namespace holdfast {
namespace {

constexpr int kExitUsage = 64;
constexpr int kExitData = 65;
constexpr int kExitNoInput = 66;
constexpr int kExitUnavailable = 69;
constexpr int kExitSoftware = 70;
constexpr int kExitNoPermission = 77;
constexpr int kExitConfig = 78;

// In the order of the enumeration: Describe() indexes it.
constexpr std::array kTable{
    ReasonEntry{Reason::kOk, "OK", 200, 0, Retry::kNo, 0},
    ReasonEntry{Reason::kBadRequest, "BAD_REQUEST", 400, 3, Retry::kNo, kExitData},
    ReasonEntry{Reason::kUnauthenticated, "UNAUTHENTICATED", 401, 16, Retry::kNo,
                kExitNoPermission},
    ReasonEntry{Reason::kNotFound, "NOT_FOUND", 404, 5, Retry::kNo, kExitNoInput},
    ReasonEntry{Reason::kMethodNotAllowed, "METHOD_NOT_ALLOWED", 405, 12, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kNotAcceptable, "NOT_ACCEPTABLE", 406, 3, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kRequestTimeout, "REQUEST_TIMEOUT", 408, 4, Retry::kAfterHint,
                kExitUnavailable},
    ReasonEntry{Reason::kAlreadyLoaded, "ALREADY_LOADED", 409, 6, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kLengthRequired, "LENGTH_REQUIRED", 411, 3, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kPayloadTooLarge, "PAYLOAD_TOO_LARGE", 413, 8, Retry::kNo, kExitData},
    ReasonEntry{Reason::kUriTooLong, "URI_TOO_LONG", 414, 8, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kHeadersTooLarge, "HEADERS_TOO_LARGE", 431, 8, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kUnsupportedMedia, "UNSUPPORTED_MEDIA", 415, 3, Retry::kNo, kExitData},
    ReasonEntry{Reason::kExpectationFailed, "EXPECTATION_FAILED", 417, 3, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kImageDecodeFailed, "IMAGE_DECODE_FAILED", 422, 3, Retry::kNo, kExitData},
    ReasonEntry{Reason::kImageTooLarge, "IMAGE_TOO_LARGE", 422, 3, Retry::kNo, kExitData},
    ReasonEntry{Reason::kIdempotencyKeyReused, "IDEMPOTENCY_KEY_REUSED", 422, 9, Retry::kNo,
                kExitUsage},
    ReasonEntry{Reason::kRateLimited, "RATE_LIMITED", 429, 8, Retry::kAfterHint, kExitUnavailable},
    ReasonEntry{Reason::kClientClosed, "CLIENT_CLOSED", 0, 1, Retry::kNo, kExitUnavailable},
    ReasonEntry{Reason::kInternal, "INTERNAL", 500, 13, Retry::kOnce, kExitSoftware},
    ReasonEntry{Reason::kOutputInvalid, "OUTPUT_INVALID", 500, 15, Retry::kOnce, kExitSoftware},
    ReasonEntry{Reason::kRequestCrashedWorker, "REQUEST_CRASHED_WORKER", 500, 13, Retry::kNo,
                kExitSoftware},
    ReasonEntry{Reason::kRequestQuarantined, "REQUEST_QUARANTINED", 500, 13, Retry::kNo,
                kExitSoftware},
    ReasonEntry{Reason::kNotImplemented, "NOT_IMPLEMENTED", 501, 12, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kOverloaded, "OVERLOADED", 503, 14, Retry::kAfterHint, kExitUnavailable},
    ReasonEntry{Reason::kNoWorker, "NO_WORKER", 503, 14, Retry::kAfterHint, kExitUnavailable},
    ReasonEntry{Reason::kNotReady, "NOT_READY", 503, 14, Retry::kAfterHint, kExitUnavailable},
    ReasonEntry{Reason::kDraining, "DRAINING", 503, 14, Retry::kAfterHint, kExitUnavailable},
    ReasonEntry{Reason::kDeadlineExceeded, "DEADLINE_EXCEEDED", 504, 4, Retry::kWithLargerDeadline,
                kExitUnavailable},
    ReasonEntry{Reason::kInsufficientResources, "INSUFFICIENT_RESOURCES", 507, 8, Retry::kNo,
                kExitSoftware},
    ReasonEntry{Reason::kUsage, "USAGE", 0, 3, Retry::kNo, kExitUsage},
    ReasonEntry{Reason::kBadModel, "BAD_MODEL", 422, 9, Retry::kNo, kExitConfig},
    ReasonEntry{Reason::kUnavailable, "UNAVAILABLE", 0, 14, Retry::kOnce, kExitUnavailable},
};
static_assert(kTable.size() == static_cast<std::size_t>(Reason::kUnavailable) + 1);
static_assert([] {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].reason) != i) return false;
  }
  return true;
}());

}  // namespace

const ReasonEntry& Describe(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < kTable.size() ? kTable[index]
                               : kTable[static_cast<std::size_t>(Reason::kInternal)];
}

std::optional<Reason> ReasonFromNumber(std::uint32_t number) {
  if (number >= kTable.size()) return std::nullopt;
  return static_cast<Reason>(number);
}

}  // namespace holdfast
