// SPDX-License-Identifier: Apache-2.0
#include "ipc/mirror_options.h"

namespace holdfast {

void AddArguments(const MirrorOptions& options, RoleArguments& arguments) {
  arguments.Set("mirror_source", options.source)
      .Set("mirror_model", options.model)
      .Set("mirror_folder", options.folder)
      .Set("mirror_policy", options.policy);
}

Result<MirrorOptions> MirrorOptionsFrom(const RoleArguments& arguments) {
  MirrorOptions options;
  options.source = TRY(arguments.Text("mirror_source"));
  options.model = TRY(arguments.Text("mirror_model"));
  options.folder = TRY(arguments.Text("mirror_folder"));
  options.policy = TRY(arguments.Text("mirror_policy"));
  return options;
}

}  // namespace holdfast
