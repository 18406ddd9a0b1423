// SPDX-License-Identifier: Apache-2.0
#include "gateway/client/admin_client.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "gateway/client/http_client.h"
#include "gateway/client/server_answer.h"

namespace holdfast {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

Error Foreign() {
  return {Reason::kInternal, "the answer is none of a holdfast server's; check the admin address"};
}

bool Read(const element& object, const char* key, std::string& text) {
  std::string_view found;
  if (object[key].get(found) != SUCCESS) return false;
  text = Printable(found);
  return true;
}

bool Read(const element& object, const char* key, std::uint64_t& number) {
  return object[key].get(number) == SUCCESS;
}

// The objects of the array `key`, each turned into an Entry by `read`.
template <class Entry, class ReadEntry>
Result<std::vector<Entry>> ParseEntries(const std::string& json, const char* key, ReadEntry read) {
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(json)[key].get(array) != SUCCESS) return Foreign();
  std::vector<Entry> entries;
  for (const element object : array) {
    Entry entry;
    if (!read(object, entry)) return Foreign();
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

Result<std::string> AskAdmin(const HttpUrl& server, std::string_view method, std::string_view path,
                             std::chrono::milliseconds timeout) {
  ClientRequest request{.method = std::string(method),
                        .url = server,
                        .content_type = {},
                        .body = {},
                        .connect_timeout = timeout,
                        .answer_timeout = timeout};
  request.url.target = std::string(path);
  ClientAnswer answer = TRY(SendHttpRequest(request));
  if (answer.status != 200) return RefusalOf(answer);
  return std::move(answer.body);
}

Result<std::vector<RemoteDeath>> ParseDeaths(const std::string& json) {
  return ParseEntries<RemoteDeath>(json, "deaths", [](const element& object, RemoteDeath& death) {
    return Read(object, "time", death.time) && Read(object, "model", death.model) &&
           Read(object, "slot", death.slot) && Read(object, "generation", death.generation) &&
           Read(object, "pid", death.pid) && Read(object, "cause", death.cause) &&
           Read(object, "exit", death.exit) && Read(object, "explanation", death.explanation) &&
           Read(object, "peak_rss_mib", death.peak_rss_mib) &&
           Read(object, "age_ms", death.age_ms) && Read(object, "request_id", death.request_id) &&
           Read(object, "digest", death.digest) && Read(object, "last_words", death.last_words);
  });
}

Result<std::vector<RemoteQuarantineEntry>> ParseQuarantine(const std::string& json) {
  return ParseEntries<RemoteQuarantineEntry>(
      json, "quarantined", [](const element& object, RemoteQuarantineEntry& entry) {
        return Read(object, "model", entry.model) && Read(object, "digest", entry.digest) &&
               Read(object, "expires_in_s", entry.expires_in_s);
      });
}

Result<std::vector<RemoteModel>> ParseModels(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(json).get(array) != SUCCESS) return Foreign();
  std::vector<RemoteModel> models;
  for (const element object : array) {
    RemoteModel model;
    if (!Read(object, "name", model.name) || !Read(object, "version", model.version) ||
        !Read(object, "state", model.state) || !Read(object, "reason", model.reason)) {
      return Foreign();
    }
    Read(object, "rollout", model.rollout);  // Only where it is tried.
    simdjson::dom::array labels;
    if (object["labels"].get(labels) != SUCCESS) return Foreign();
    for (const element label : labels) {
      std::string_view text;
      if (label.get(text) != SUCCESS) return Foreign();
      model.labels.emplace_back(text);
    }
    models.push_back(std::move(model));
  }
  return models;
}

Result<std::uint64_t> ParseCleared(const std::string& json) {
  simdjson::dom::parser parser;
  std::uint64_t cleared = 0;
  if (parser.parse(json)["cleared"].get(cleared) != SUCCESS) return Foreign();
  return cleared;
}

Result<RemoteDrill> OrderDrill(const HttpUrl& server, DrillFault fault,
                               std::chrono::milliseconds timeout) {
  const std::string order = fmt::format("{{\"fault\":\"{}\"}}", DrillFaultWord(fault));
  ClientRequest request{.method = "POST",
                        .url = server,
                        .content_type = "application/json",
                        .body = {reinterpret_cast<const std::uint8_t*>(order.data()), order.size()},
                        .headers = {},
                        .connect_timeout = timeout,
                        .answer_timeout = timeout};
  request.url.target = "/debug/drill";
  const ClientAnswer answer = TRY(SendHttpRequest(request));
  if (answer.status != 200) return RefusalOf(answer);
  return ParseDrill(answer.body);
}

Result<RemoteDrill> ParseDrill(const std::string& json) {
  simdjson::dom::parser parser;
  element object;
  RemoteDrill worker;
  if (parser.parse(json).get(object) != SUCCESS || !Read(object, "model", worker.model) ||
      !Read(object, "slot", worker.slot) || !Read(object, "generation", worker.generation) ||
      !Read(object, "pid", worker.pid)) {
    return Foreign();
  }
  return worker;
}

}  // namespace holdfast
