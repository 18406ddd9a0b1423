// SPDX-License-Identifier: Apache-2.0
#include "apps/admin_commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "apps/failure.h"
#include "apps/local_server.h"
#include "apps/resolve_config.h"
#include "base/digits.h"
#include "base/http_url.h"
#include "gateway/client/admin_client.h"

namespace holdfast {
namespace {

constexpr std::chrono::seconds kTimeout{5};

constexpr std::chrono::minutes kLoadTimeout{7};  // The server's own is six.

Result<std::string> Ask(const std::string& server, std::string_view method, std::string_view path,
                        std::chrono::milliseconds timeout = kTimeout) {
  return AskAdmin(TRY(AdminServer(server)), method, path, timeout);
}

std::string FormatDeath(const RemoteDeath& death) {
  std::string text =
      fmt::format("{}  {} #{}, generation {}, pid {}: {}, {}\n", death.time, death.model,
                  death.slot, death.generation, death.pid, death.cause, death.exit);
  const auto line = [&text](std::string_view name, std::string_view value) {
    if (!value.empty()) text += fmt::format("    {:<11} {}\n", name, value);
  };
  line("because", death.explanation);
  line("lived", fmt::format("{} ms, at most {} MiB", death.age_ms, death.peak_rss_mib));
  line("request", death.request_id);
  line("image", death.digest);
  line("last words", death.last_words);
  return text;
}

Result<std::string> ShowDeaths(const DeathsCommand& command) {
  const std::string json = TRY(Ask(command.server, "GET", "/debug/deaths"));
  if (command.json) return json;
  std::string text;
  for (const RemoteDeath& death : TRY(ParseDeaths(json))) text += FormatDeath(death);
  return text.empty() ? "no worker has died\n" : text;
}

Result<std::string> ShowQuarantine(const QuarantineCommand& command) {
  constexpr std::string_view kPath = "/debug/quarantine";
  const std::string json = TRY(Ask(command.server, command.clear ? "DELETE" : "GET", kPath));
  if (command.json) return json;
  if (command.clear) return fmt::format("{} images cleared\n", TRY(ParseCleared(json)));
  std::string text;
  for (const RemoteQuarantineEntry& entry : TRY(ParseQuarantine(json))) {
    text += fmt::format("{}  {}  {} s left\n", entry.digest, entry.model, entry.expires_in_s);
  }
  return text.empty() ? "no image is quarantined\n" : text;
}

Result<std::string> ListModels(const ModelsCommand& command) {
  const std::string json = TRY(Ask(command.server, "POST", "/v2/repository/index"));
  if (command.json) return json;
  std::string text;
  for (const RemoteModel& model : TRY(ParseModels(json))) {
    text +=
        fmt::format("{:<32} {}{}{}{}\n", model.name + "/" + model.version, model.state,
                    model.rollout.empty() ? "" : "  " + model.rollout,
                    model.labels.empty() ? "" : fmt::format("  {}", fmt::join(model.labels, ",")),
                    model.reason.empty() ? "" : "  " + model.reason);
  }
  return text.empty() ? "no model\n" : text;
}

Result<std::string> OrderModel(const ModelsCommand& command) {
  const bool load = command.action == ModelsCommand::Action::kLoad;
  if (command.model.empty()) {
    return Error{Reason::kUsage,
                 fmt::format("which model? try holdfast models {} NAME", load ? "load" : "unload")};
  }
  const std::string path = fmt::format("/v2/repository/models/{}/{}", PercentEncode(command.model),
                                       load ? "load" : "unload");
  const std::string json = TRY(Ask(command.server, "POST", path, kLoadTimeout));
  if (command.json) return json;
  return fmt::format("{} is {}\n", command.model, load ? "served" : "unloaded");
}

// LABEL=VERSION gives the label, LABEL alone takes it away.
Result<std::string> LabelModel(const ModelsCommand& command) {
  const std::size_t equals = std::min(command.label.find('='), command.label.size());
  const std::string label = command.label.substr(0, equals);
  const bool gives = equals < command.label.size();
  const std::string version = gives ? command.label.substr(equals + 1) : "";
  if (command.model.empty() || label.empty() ||
      (gives && !ParseDigits<std::int64_t>(version).has_value())) {
    return Error{Reason::kUsage,
                 "which label of which model? try holdfast models label NAME stable=3"};
  }
  const std::string path =
      fmt::format("/v2/repository/models/{}/labels/{}{}", PercentEncode(command.model),
                  PercentEncode(label), gives ? "?version=" + version : "");
  const std::string json = TRY(Ask(command.server, gives ? "PUT" : "DELETE", path, kLoadTimeout));
  if (command.json) return json;
  if (!gives) return fmt::format("{} has no label {} any more\n", command.model, label);
  return fmt::format("{}/{} is {}\n", command.model, version, label);
}

// What the server is to try, or is to do with what it tries.
Result<std::string> TryModel(const ModelsCommand& command) {
  using Action = ModelsCommand::Action;
  const bool canary = command.action == Action::kCanary;
  const bool tries = canary || command.action == Action::kShadow;
  const char* const word = canary ? "canary" : "shadow";
  if (command.model.empty() || (tries && !ParseDigits<std::int64_t>(command.label).has_value())) {
    return Error{
        Reason::kUsage,
        tries ? fmt::format("which version of which model? try holdfast models {} NAME 3", word)
              : std::string("which model? try holdfast models promote NAME")};
  }
  const std::string model = "/v2/repository/models/" + PercentEncode(command.model);
  if (command.action == Action::kPromote) {
    const std::string json = TRY(Ask(command.server, "POST", model + "/promote"));
    return command.json ? json : fmt::format("{} is promoted\n", command.model);
  }
  if (command.action == Action::kRollBack) {
    const std::string json = TRY(Ask(command.server, "DELETE", model + "/rollout"));
    return command.json ? json : fmt::format("{} is rolled back\n", command.model);
  }
  std::string path = fmt::format("{}/rollout?version={}&kind={}", model, command.label, word);
  for (const auto& [parameter, value] : command.rule) {
    path += fmt::format("&{}={}", parameter, PercentEncode(value));
  }
  const std::string json = TRY(Ask(command.server, "PUT", path, kLoadTimeout));
  return command.json ? json : fmt::format("{}/{} is a {}\n", command.model, command.label, word);
}

int ShowOrFail(const Result<std::string>& text) { return text ? Show(*text) : Fail(text.error()); }

}  // namespace

Result<HttpUrl> AdminServer(const std::string& given) {
  return ParseHttpUrl(given.empty() ? TRY(LocalAdminUrl(ReadEnvironment())) : given);
}

int RunDeaths(const DeathsCommand& command) { return ShowOrFail(ShowDeaths(command)); }

int RunModels(const ModelsCommand& command) {
  switch (command.action) {
    case ModelsCommand::Action::kList:
      return ShowOrFail(ListModels(command));
    case ModelsCommand::Action::kLabel:
      return ShowOrFail(LabelModel(command));
    case ModelsCommand::Action::kCanary:
    case ModelsCommand::Action::kShadow:
    case ModelsCommand::Action::kPromote:
    case ModelsCommand::Action::kRollBack:
      return ShowOrFail(TryModel(command));
    case ModelsCommand::Action::kLoad:
    case ModelsCommand::Action::kUnload:
      break;
  }
  return ShowOrFail(OrderModel(command));
}

int RunQuarantine(const QuarantineCommand& command) { return ShowOrFail(ShowQuarantine(command)); }

}  // namespace holdfast
