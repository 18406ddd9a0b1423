// SPDX-License-Identifier: Apache-2.0
#include "ipc/scout_options.h"

namespace holdfast {

RoleArguments ToArguments(const ScoutOptions& options) {
  RoleArguments arguments;
  arguments.Set("repository", options.folders.repository.string())
      .Set("base_path", options.folders.base_path.string())
      .Set("name", options.folders.name)
      .Set("period_ms", options.period.count());
  for (const PortCredential& one : PortCredentialTable()) {
    arguments.Set(std::string(one.name), options.credential_files.*one.member);
  }
  return arguments;
}

Result<ScoutOptions> ScoutOptionsFrom(const RoleArguments& arguments) {
  ScoutOptions options;
  options.folders.repository = TRY(arguments.Text("repository"));
  options.folders.base_path = TRY(arguments.Text("base_path"));
  options.folders.name = TRY(arguments.Text("name"));
  for (const PortCredential& one : PortCredentialTable()) {
    options.credential_files.*one.member = TRY(arguments.Text(std::string(one.name)));
  }
  options.period = std::chrono::milliseconds(TRY(arguments.Number("period_ms")));
  return options;
}

}  // namespace holdfast
