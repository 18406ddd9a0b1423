// SPDX-License-Identifier: Apache-2.0
#include "apps/remote_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "apps/classification_text.h"
#include "apps/failure.h"
#include "apps/local_server.h"
#include "apps/picture_file.h"
#include "base/bytes.h"
#include "gateway/client/http_client.h"
#include "gateway/client/remote_classifier.h"

namespace holdfast {
namespace {

constexpr int kNotReadyCode = 1;

Result<RemoteClassification> ClassifyFile(const RemoteClassifyOptions& options,
                                          const std::string& file) {
  const std::vector<std::uint8_t> picture = TRY(ReadPicture(file, kPictureBytesMax));
  return ClassifyRemotely(options, picture);
}

// Prints a file's answer, and returns its exit code.
int ClassifyAndShow(const ClassifyCommand& command, const RemoteClassifyOptions& options,
                    const std::string& file) {
  const auto begin = std::chrono::steady_clock::now();
  auto answer = ClassifyFile(options, file);
  const Duration elapsed = std::chrono::steady_clock::now() - begin;
  if (answer) {
    return Show(command.json ? FormatJson(file, *answer) : FormatTable(file, *answer, elapsed));
  }
  Error& error = answer.error();
  if (command.json) {
    const int shown = Show(FormatJsonError(file, error));
    return std::max(shown, Describe(error.reason).exit_code);
  }
  error.message = fmt::format("{}: {}", file, error.message);
  return Fail(error);
}

}  // namespace

int RunHealthcheck(const HealthcheckCommand& command) {
  std::string address = command.url;
  if (address.empty()) {
    const auto local = LocalHealthUrl(ReadEnvironment());
    if (!local) return Fail(local.error());
    address = *local;
  }
  const auto url = ParseHttpUrl(address);
  if (!url) return Fail(url.error());
  const auto answer = SendHttpRequest(
      {.url = *url, .connect_timeout = command.timeout, .answer_timeout = command.timeout});
  if (answer && answer->status == 200) {
    return Show(fmt::format("holdfast: ready: {}\n", address));
  }
  Fail(Error{Reason::kUnavailable,
             answer ? fmt::format("not ready: {} answers {}", address, answer->status)
                    : fmt::format("not ready: {}", answer.error().message)});
  return kNotReadyCode;
}

int RunRemoteClassify(const ClassifyCommand& command) {
  const auto server = ParseHttpUrl(command.server);
  if (!server) return Fail(server.error());
  const RemoteClassifyOptions options{
      .server = *server, .model = command.model, .top = command.top, .timeout = command.timeout};
  int exit_code = 0;
  for (const std::string& file : command.files) {
    exit_code = std::max(exit_code, ClassifyAndShow(command, options, file));
  }
  return exit_code;
}

}  // namespace holdfast
