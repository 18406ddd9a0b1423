// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "apps/failure.h"
#include "apps/resolve_config.h"
#include "apps/scout.h"
#include "apps/sibling_executable.h"
#include "base/bytes.h"
#include "base/time.h"
#include "ipc/mirror_options.h"
#include "os/process_title.h"
#include "os/steady_clock.h"
#include "s3/mirror.h"

// The only executable that speaks with AWS: it fetches models from S3 before the server starts, and
// is the scout of a server that has some there.
namespace holdfast {
namespace {

// What a mirror needs, together.
struct Remote {
  explicit Remote(Mirror::Options options)
      : transport(MakeCurlTransport()),
        bucket(
            options.source.bucket, environment, *transport,
            {.now = [] { return std::chrono::system_clock::now(); },
             .sleep = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }}),
        mirror(std::move(options), bucket) {}

  Environment environment = ReadEnvironment();
  std::unique_ptr<Transport> transport;
  Bucket bucket;
  Mirror mirror;
};

Result<std::shared_ptr<Remote>> Open(const MirrorOptions& options) {
  S3Url source = TRY(ParseS3Url(options.source));
  VersionPolicy policy = TRY(ParseVersionPolicy(options.policy));
  return std::make_shared<Remote>(Mirror::Options{.source = std::move(source),
                                                  .model = options.model,
                                                  .folder = options.folder,
                                                  .policy = std::move(policy)});
}

int RunFetch(std::span<const std::string> words) {
  const Result<RoleArguments> arguments = RoleArguments::Parse(words);
  if (!arguments) return Fail(arguments.error());
  const Result<MirrorOptions> options = MirrorOptionsFrom(*arguments);
  if (!options) return Fail(options.error());
  const auto remote = Open(*options);
  if (!remote) return Fail(remote.error());
  const TimePoint begin = Now();
  fmt::print(stderr, "holdfast: fetching {} into {}\n", options->source, options->folder);
  const auto change = (*remote)->mirror.Refresh();
  if (change) {
    fmt::print(stderr, "holdfast: {} version{} came, {:.1f} MiB in {:.1f} s\n", change->versions,
               change->versions == 1 ? "" : "s", static_cast<double>(change->bytes) / MiB(1),
               Seconds(Now() - begin));
    return 0;
  }
  // What was fetched before is better than nothing, while S3 is away.
  if (change.error().reason == Reason::kUnavailable && (*remote)->mirror.HasAny()) {
    fmt::print(stderr, "holdfast: {}; what was fetched before is served\n", change.error().message);
    return 0;
  }
  return Fail(change.error());
}

int RunMirroringScout(std::span<const std::string> words) {
  return RunScout(words, [](const MirrorOptions& options) -> Refresh {
    auto remote = Open(options);
    if (!remote) return [error = remote.error()]() -> Status { return error; };
    return [remote = *remote]() -> Status {
      const auto change = remote->mirror.Refresh();
      return change ? Status() : Status(change.error());
    };
  });
}

int Main(const std::vector<std::string>& arguments) {
  const auto rest = std::span(arguments).subspan(arguments.empty() ? 0 : 1);
  const std::string role = arguments.empty() ? "" : arguments.front();
  if (role == kScoutArgument) return RunMirroringScout(rest);
  if (role == kFetchArgument) return RunFetch(rest);
  return FailUsage("holdfast-mirror is started by holdfast; try 'holdfast serve --help'");
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  holdfast::InitProcessTitle(argc, argv);
  return holdfast::Main(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
