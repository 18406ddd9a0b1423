// SPDX-License-Identifier: Apache-2.0
#include "ipc/scout_options.h"

namespace holdfast {

RoleArguments ToArguments(const ScoutOptions& options) {
  RoleArguments arguments;
  arguments.Set("repository", options.folders.repository.string())
      .Set("base_path", options.folders.base_path.string())
      .Set("name", options.folders.name)
      .Set("period_ms", options.period.count());
  return arguments;
}

Result<ScoutOptions> ScoutOptionsFrom(const RoleArguments& arguments) {
  ScoutOptions options;
  options.folders.repository = TRY(arguments.Text("repository"));
  options.folders.base_path = TRY(arguments.Text("base_path"));
  options.folders.name = TRY(arguments.Text("name"));
  options.period = std::chrono::milliseconds(TRY(arguments.Number("period_ms")));
  return options;
}

}  // namespace holdfast
