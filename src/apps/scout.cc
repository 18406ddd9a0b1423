// SPDX-License-Identifier: Apache-2.0
#include "apps/scout.h"

#include "apps/credential_check.h"
#include "apps/failure.h"
#include "ipc/role_arguments.h"
#include "ipc/scout_options.h"

namespace holdfast {

int RunScout(std::span<const std::string> words, const MakeRefresh& make_refresh) {
  const Result<RoleArguments> arguments = RoleArguments::Parse(words);
  if (!arguments) return Fail(arguments.error());
  const Result<ScoutOptions> options = ScoutOptionsFrom(*arguments);
  if (!options) return Fail(options.error());
  const bool remote = make_refresh && !options->mirror.source.empty();
  return RunScout(*options, CheckCredentials, remote ? make_refresh(options->mirror) : Refresh());
}

}  // namespace holdfast
