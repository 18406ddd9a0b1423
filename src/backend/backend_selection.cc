// SPDX-License-Identifier: Apache-2.0
#include "backend/backend_selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace holdfast {

Result<Backend*> SelectBackend(std::string_view engine, const std::filesystem::path& file,
                               std::span<Backend* const> backends) {
  std::vector<std::string_view> names;
  for (Backend* backend : backends) {
    names.push_back(backend->name());
    const bool chosen = engine == "auto" ? backend->Reads(file) : backend->name() == engine;
    if (!chosen) continue;
    if (!backend->Reads(file)) {
      return Error{Reason::kBadModel,
                   fmt::format("engine \"{}\" does not read {}", engine, file.filename().string())};
    }
    return backend;
  }
  return Error{Reason::kBadModel,
               engine == "auto" ? fmt::format("no engine reads {} (there are: {})",
                                              file.filename().string(), fmt::join(names, ", "))
                                : fmt::format("this program has no engine \"{}\" (there are: {})",
                                              engine, fmt::join(names, ", "))};
}

}  // namespace holdfast
