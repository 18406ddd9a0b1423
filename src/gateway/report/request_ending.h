// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace holdfast {

// What a request came to, as all reports count it. kMistake is the client's own.
enum class RequestEnding { kAnswered, kRefused, kFailed, kMistake };

// By the status of its answer: 200; 429 and 503; other 5xx; all else.
constexpr RequestEnding EndingOf(int status) {
  if (status == 200) return RequestEnding::kAnswered;
  if (status == 429 || status == 503) return RequestEnding::kRefused;
  return status >= 500 ? RequestEnding::kFailed : RequestEnding::kMistake;
}

}  // namespace holdfast
