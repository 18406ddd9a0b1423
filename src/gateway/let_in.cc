// SPDX-License-Identifier: Apache-2.0
#include "gateway/let_in.h"

#include "os/steady_clock.h"

namespace holdfast {

KeyKeeper::Verdict LetIn(ServerState& state, std::string_view key) {
  const KeyKeeper::Verdict verdict = state.keys.Judge(key, Now());
  if (!verdict.name.empty()) {
    state.metrics.KeyShown(verdict.name, verdict.reason == Reason::kOk);
  }
  return verdict;
}

}  // namespace holdfast
