// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

// Why a call did not give what was asked for: the one vocabulary of errors, inside and outside.
// The values travel between processes; api/errors.md documents the table and is tested against it.
enum class Reason : std::uint32_t {
  kOk = 0,
  kBadRequest,
  kUnauthenticated,
  kNotFound,
  kMethodNotAllowed,
  kNotAcceptable,
  kRequestTimeout,
  kAlreadyLoaded,
  kLengthRequired,
  kPayloadTooLarge,
  kUriTooLong,
  kHeadersTooLarge,
  kUnsupportedMedia,
  kExpectationFailed,
  kImageDecodeFailed,
  kImageTooLarge,
  kIdempotencyKeyReused,
  kRateLimited,
  kClientClosed,
  kInternal,
  kOutputInvalid,
  kRequestCrashedWorker,
  kRequestQuarantined,
  kNotImplemented,
  kOverloaded,
  kNoWorker,
  kNotReady,
  kDraining,
  kDeadlineExceeded,
  kInsufficientResources,
  // Only the command line and the start-up give these; no request is answered with them.
  kUsage,
  kBadModel,
  kUnavailable,
};

enum class Retry { kNo, kOnce, kAfterHint, kWithLargerDeadline };

// One line of the error table.
struct ReasonEntry {
  Reason reason;
  std::string_view word;  // Stable; clients branch on it.
  int http;               // 0: never sent over HTTP.
  int grpc;               // gRPC's canonical code.
  Retry retry;
  int exit_code;  // What a command that ends for this reason exits with (sysexits.h).
};

// The line of `reason`. Values that are no Reason (a foreign process sent them) give kInternal's.
const ReasonEntry& Describe(Reason reason);
std::optional<Reason> ReasonFromNumber(std::uint32_t number);

constexpr bool MayRetry(Retry retry) { return retry != Retry::kNo; }

}  // namespace holdfast
