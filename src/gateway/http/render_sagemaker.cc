// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "gateway/encoding/json_writer.h"
#include "gateway/http/face.h"

namespace holdfast {
namespace {

constexpr std::size_t kModelsAPage = 100;

void AppendModel(std::string& json, const std::string& name, const std::string& url) {
  AppendJsonText(json, "modelName", name);
  AppendJsonText(json, "modelUrl", url);
}

}  // namespace

HttpAnswer RenderExecutionParameters(std::size_t workers, std::size_t body_bytes_max) {
  // A batch transform's bounds: 100 MB for one request, and for all that are under way at once.
  constexpr std::size_t kMegabytesMax = 100;
  const std::size_t megabytes = std::clamp<std::size_t>(body_bytes_max >> 20, 1, kMegabytesMax);
  // One request more than workers, so that none of them waits for the network.
  const std::size_t concurrent =
      std::clamp<std::size_t>(workers + 1, 1, std::max<std::size_t>(kMegabytesMax / megabytes, 1));
  HttpAnswer answer;
  answer.body = "{";
  AppendJsonCount(answer.body, "MaxConcurrentTransforms", concurrent);
  AppendJsonText(answer.body, "BatchStrategy", "SINGLE_RECORD");
  AppendJsonCount(answer.body, "MaxPayloadInMB", megabytes);
  answer.body += "}\n";
  return answer;
}

HttpAnswer RenderSageMakerModel(const std::string& name, const std::string& url) {
  HttpAnswer answer;
  answer.body = "{";
  AppendModel(answer.body, name, url);
  answer.body += "}\n";
  return answer;
}

HttpAnswer RenderSageMakerModels(const std::map<std::string, std::string>& urls,
                                 const std::string& token) {
  HttpAnswer answer;
  std::string& json = answer.body;
  json = R"({"models":[)";
  auto entry = urls.upper_bound(token);
  const std::string* last = nullptr;
  for (std::size_t shown = 0; entry != urls.end() && shown < kModelsAPage; ++shown, ++entry) {
    AppendJsonComma(json);
    json += '{';
    AppendModel(json, entry->first, entry->second);
    json += '}';
    last = &entry->first;
  }
  json += ']';
  if (entry != urls.end()) AppendJsonText(json, "nextPageToken", *last);
  json += "}\n";
  return answer;
}

}  // namespace holdfast
