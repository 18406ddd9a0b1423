// SPDX-License-Identifier: Apache-2.0
#include "gateway/report/advice.h"

namespace holdfast {

std::string_view AdviceOn(Reason reason) {
  switch (reason) {
    case Reason::kOverloaded:
      return "More comes than the workers do. Add instances, or grant CPUs.";
    case Reason::kDeadlineExceeded:
      return "Requests have less time than their queue and the model take. Add instances, or give "
             "clients more time.";
    case Reason::kNoWorker:
      return "No worker is left. See the last deaths, and the log for crash-budget-spent.";
    case Reason::kNotReady:
      return "The model is loading. It passes; if not, the log says why.";
    case Reason::kDraining:
      return "The server was told to stop. Take it out of the load balancer first.";
    case Reason::kInternal:
      return "A fault of the server's: report it, with the request's id and the log.";
    case Reason::kOutputInvalid:
      return "The model gave no scores that can be some. Try holdfast inspect on its folder.";
    case Reason::kRequestCrashedWorker:
      return "Two workers died of one image. It is quarantined; --poison-dir keeps it for you.";
    case Reason::kRequestQuarantined:
      return "An image that killed workers came again. holdfast quarantine list shows it.";
    case Reason::kRateLimited:
      return "A client is over the quota of its API key. See --api-keys.";
    case Reason::kUnauthenticated:
      return "A client shows no key that is known.";
    case Reason::kInsufficientResources:
      return "There is no memory for another model. Unload one, or raise the limit.";
    case Reason::kNotFound:
      return "Clients ask for a model or a version that is not served.";
    case Reason::kPayloadTooLarge:
    case Reason::kImageTooLarge:
      return "Clients send more than --body-bytes-max or --image-pixels-max allow.";
    case Reason::kRequestTimeout:
      return "Clients are slow to send: their network, or a load balancer without a limit.";
    case Reason::kImageDecodeFailed:
    case Reason::kUnsupportedMedia:
      return "Clients send what is no picture, or one of another format.";
    default:
      return "A client's mistake: the answer says which.";
  }
}

std::string_view AdviceOn(DeathCause cause) {
  switch (cause) {
    case DeathCause::kExited:
    case DeathCause::kSignalled:
      return "The model or a library crashed. The digest names the image, last_words the place.";
    case DeathCause::kKilledFromOutside:
      return "Somebody sent it a signal, or the kernel killed it where its counters cannot be "
             "read.";
    case DeathCause::kOutOfMemory:
      return "The memory limit is too low for so many workers, or for this image. Raise it, or "
             "lower --workers.";
    case DeathCause::kHung:
      return "It gave no answer in time. If images are right, the host has too little CPU: see "
             "--hang-floor-ms.";
    case DeathCause::kInvalidOutput:
      return "Its answer could not be one: bad memory, or a model that gives NaN.";
    case DeathCause::kBrokeProtocol:
      return "A fault of ours, or its memory was overwritten: report it.";
    case DeathCause::kStartTimeout:
      return "It was not ready in time: the host has too little CPU or memory.";
    case DeathCause::kUnknown:
      return "The log says what is known.";
    case DeathCause::kOutgrown:
    case DeathCause::kGatewayGone:
    case DeathCause::kDrained:
    case DeathCause::kUnloaded:
      return "";
  }
  return "";
}

}  // namespace holdfast
