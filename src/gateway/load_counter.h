// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gateway/metrics.h"
#include "ipc/servable_list.h"

namespace holdfast {

// Counts how loads of versions ended, out of the lists that the supervisor sends.
class LoadCounter {
 public:
  void Count(const ServableList& list, Metrics& metrics) {
    std::map<ModelKey, std::string> ends;
    for (const ListedServable& listed : list.servables) {
      const ServableStatus& status = listed.status;
      std::string end;
      if (status.state == ServableState::kAvailable) end = "ok";
      if (status.state == ServableState::kEnd) end = Describe(status.reason).word;
      const auto before = ends_.find(status.key);
      const bool is_new = before == ends_.end() || before->second != end;
      if (!end.empty() && is_new) metrics.ModelLoaded(FormatKey(status.key), end);
      ends[status.key] = end;
    }
    ends_ = std::move(ends);
  }

 private:
  std::map<ModelKey, std::string> ends_;  // How each load of the last list ended.
};

}  // namespace holdfast
