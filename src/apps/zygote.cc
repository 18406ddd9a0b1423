// SPDX-License-Identifier: Apache-2.0
#include "apps/zygote.h"

#include "apps/failure.h"
#include "ipc/role_arguments.h"
#include "ipc/zygote_options.h"
#include "worker/zygote.h"

namespace holdfast {

int RunZygote(std::span<const std::string> words, std::span<Backend* const> backends) {
  const Result<RoleArguments> arguments = RoleArguments::Parse(words);
  if (!arguments) return Fail(arguments.error());
  const Result<ZygoteOptions> options = ZygoteOptionsFrom(*arguments);
  if (!options) return Fail(options.error());
  return RunZygote(*options, backends);
}

}  // namespace holdfast
