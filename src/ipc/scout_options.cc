// SPDX-License-Identifier: Apache-2.0
#include "ipc/scout_options.h"

#include "ipc/model_folders_text.h"

namespace holdfast {

RoleArguments ToArguments(const ScoutOptions& options) {
  RoleArguments arguments;
  arguments.Set("folders", EncodeModelFolders(options.folders))
      .Set("config_file", options.config_file.string())
      .Set("file_is_old", options.file_is_old ? 1 : 0)
      .Set("period_ms", options.period.count());
  AddArguments(options.mirror, arguments);
  for (const PortCredential& one : PortCredentialTable()) {
    arguments.Set(std::string(one.name), options.credential_files.*one.member);
  }
  return arguments;
}

Result<ScoutOptions> ScoutOptionsFrom(const RoleArguments& arguments) {
  ScoutOptions options;
  const std::string folders = TRY(arguments.Text("folders"));
  options.folders = TRY(DecodeModelFolders(folders));
  options.config_file = TRY(arguments.Text("config_file"));
  options.file_is_old = TRY(arguments.Number("file_is_old")) != 0;
  options.mirror = TRY(MirrorOptionsFrom(arguments));
  for (const PortCredential& one : PortCredentialTable()) {
    options.credential_files.*one.member = TRY(arguments.Text(std::string(one.name)));
  }
  options.period = std::chrono::milliseconds(TRY(arguments.Number("period_ms")));
  return options;
}

}  // namespace holdfast
