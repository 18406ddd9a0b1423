// SPDX-License-Identifier: Apache-2.0
#include "ipc/zygote_options.h"

namespace holdfast {

RoleArguments ToArguments(const ZygoteOptions& options) {
  RoleArguments arguments;
  arguments.Set("name", options.key.name)
      .Set("version", options.key.version)
      .Set("folder", options.folder.string())
      .Set("supervisor", options.supervisor)
      .Set("build", options.build)
      .Set("sandbox", static_cast<std::uint64_t>(options.sandbox))
      .Set("image_pixels_max", options.image_pixels_max)
      .Set("graph_cache", options.graph_cache.string())
      .Set("worker_uid", options.worker_uid);
  return arguments;
}

Result<ZygoteOptions> ZygoteOptionsFrom(const RoleArguments& arguments) {
  ZygoteOptions options;
  options.key.name = TRY(arguments.Text("name"));
  options.key.version = static_cast<std::int64_t>(TRY(arguments.Number("version")));
  options.folder = TRY(arguments.Text("folder"));
  options.supervisor = static_cast<pid_t>(TRY(arguments.Number("supervisor")));
  options.build = TRY(arguments.Number("build"));
  const std::uint64_t sandbox = TRY(arguments.Number("sandbox"));
  if (sandbox > static_cast<std::uint64_t>(Sandboxing::kRequired)) {
    return Error{Reason::kUsage, "role argument \"sandbox\" is none of ours"};
  }
  options.sandbox = static_cast<Sandboxing>(sandbox);
  options.image_pixels_max = TRY(arguments.Number("image_pixels_max"));
  options.graph_cache = TRY(arguments.Text("graph_cache"));
  options.worker_uid = TRY(arguments.Number("worker_uid"));
  return options;
}

}  // namespace holdfast
