// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/remote_classifier.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "base/http_url.h"
#include "gateway/client/http_client.h"
#include "gateway/client/server_answer.h"

namespace holdfast {
namespace {

std::string Target(const RemoteClassifyOptions& options) {
  std::string target = options.server.target;
  while (target.ends_with('/')) target.pop_back();
  target += fmt::format("/classify?top={}", options.top);
  if (options.model.empty()) return target;
  const std::size_t slash = options.model.find('/');
  target += "&model=" + PercentEncode(options.model.substr(0, slash));
  if (slash != std::string::npos) {
    target += "&version=" + PercentEncode(options.model.substr(slash + 1));
  }
  return target;
}

}  // namespace

Result<RemoteClassification> ClassifyRemotely(const RemoteClassifyOptions& options,
                                              ByteView image) {
  ClientRequest request{.method = "POST",
                        .url = options.server,
                        .content_type = "application/octet-stream",
                        .body = image,
                        .answer_timeout = options.timeout};
  request.url.target = Target(options);
  const ClientAnswer answer = TRY(SendHttpRequest(request));
  if (answer.status != 200) return RefusalOf(answer);
  return ParseClassification(answer.body);
}

}  // namespace holdfast
