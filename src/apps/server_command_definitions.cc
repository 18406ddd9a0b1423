// SPDX-License-Identifier: Apache-2.0
#include "apps/server_command_definitions.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "apps/command_draft.h"

namespace holdfast {
namespace {

void AddAdminServer(CLI::App& app, std::string& server) {
  app.add_option("--server", server,
                 "The server's admin address. Without it: this machine, at HOLDFAST_ADMIN_PORT or "
                 "8081.")
      ->type_name("URL");
}

// What the server checks, and has defaults for.
void AddRolloutRule(CLI::App& app, std::vector<std::pair<std::string, std::string>>& rule) {
  const auto add = [&](const char* flag, const char* parameter, const char* type,
                       const char* help) {
    app.add_option_function<std::string>(
           flag,
           [&rule, parameter](const std::string& text) { rule.emplace_back(parameter, text); },
           help)
        ->type_name(type);
  };
  add("--percent", "percent", "N", "A canary's share of the requests, or a shadow's. Default: 10.");
  add("--header", "header", "NAME[=VALUE]",
      "Requests with it go to the canary, and with the value never they do not. Default: "
      "x-holdfast-canary=always.");
  add("--window-s", "window_s", "N", "How long the versions are compared. Default: 300.");
  add("--requests-min", "requests_min", "N",
      "A window has at least so many requests of the version on trial. Default: 100.");
  add("--errors-max", "errors_max", "RATE",
      "How much higher its error rate may be. Default: 0.01.");
  add("--invalid-max", "invalid_max", "RATE",
      "How much higher its rate of invalid outputs may be. Default: 0.01.");
  add("--latency-max", "latency_max", "RATIO",
      "How many times the current version's time it may take. Default: 2.");
  add("--disagreement-max", "disagreement_max", "RATE",
      "The share of images of which it may say another class. Default: 0.2.");
  app.add_flag_callback(
      "--promote", [&rule] { rule.emplace_back("promote", "true"); },
      "After a window with nothing against it, it is current.");
}

}  // namespace

CommandDefinition DefineHealthcheck() {
  auto draft = Begin<HealthcheckCommand>(
      "healthcheck", "Ask a server whether it is ready.",
      "Prints one line and exits with 0 if the server answers 200, else with 1: made for a "
      "container's HEALTHCHECK, where there is no curl.",
      {"holdfast healthcheck", "holdfast healthcheck --url http://127.0.0.1:8080/livez"});
  draft.app()
      .add_option("--url", draft.options->url,
                  "What to ask. Without it: /healthz on this machine, at HOLDFAST_HTTP_PORT, "
                  "SAGEMAKER_BIND_TO_PORT or 8080.")
      ->type_name("URL");
  draft.app()
      .add_option_function<unsigned>(
          "--timeout",
          [given = draft.options](unsigned seconds) {
            given->timeout = std::chrono::seconds(seconds);
          },
          "Seconds until no answer counts as not ready.")
      ->type_name("SECONDS")
      ->default_str("4")
      ->check(Quiet(CLI::Range(1, 300)));
  return draft.definition;
}

CommandDefinition DefineDeaths() {
  auto draft = Begin<DeathsCommand>(
      "deaths", "Show a server's last worker deaths.",
      "For each of the last deaths, the newest first: when, which model and worker, why, what the "
      "worker had on board (request id and the image's SHA-256), its memory, and what it said "
      "last. A frame of a backtrace is module+offset, as addr2line takes it.",
      {"holdfast deaths", "holdfast deaths --json --server http://127.0.0.1:8081"});
  AddAdminServer(draft.app(), draft.options->server);
  draft.app().add_flag("--json", draft.options->json, "Print the server's JSON object.");
  return draft.definition;
}

CommandDefinition DefineTop() {
  auto draft = Begin<TopCommand>(
      "top", "Watch a server in the terminal.",
      "Rate, latency, waiting requests, how busy the workers are, each worker with its age and "
      "deaths, the last deaths, and why requests were not answered, with advice. q ends. Where "
      "the output is no terminal, or with --once, it looks twice and prints what happened in "
      "between. The page /console on the admin address shows the same with charts.",
      {"holdfast top", "holdfast top --once --server http://127.0.0.1:8081"});
  AddAdminServer(draft.app(), draft.options->server);
  draft.app()
      .add_option_function<unsigned>(
          "--interval-ms",
          [given = draft.options](unsigned ms) { given->interval = std::chrono::milliseconds(ms); },
          "Time between two looks.")
      ->type_name("N")
      ->default_str("1000")
      ->check(Quiet(CLI::Range(100, 3'600'000)));
  draft.app().add_flag("--once", draft.options->once, "Print one interval, and end.");
  return draft.definition;
}

CommandDefinition DefineQuarantine() {
  auto draft = Begin<Choice>(
      "quarantine", "List or clear the images that a server refuses because they killed workers.",
      "An image during which two workers ended is refused for ten minutes, wherever it comes from. "
      "list shows the SHA-256 of each and the time that is left; clear lets all be tried again.",
      {"holdfast quarantine list", "holdfast quarantine clear --server http://127.0.0.1:8081"});
  draft.app()
      .add_option("ACTION", draft.options->word, "What to do.")
      ->required()
      ->type_name("list|clear")
      ->check(Quiet(CLI::IsMember({"list", "clear"})));
  auto command = std::make_shared<QuarantineCommand>();
  AddAdminServer(draft.app(), command->server);
  draft.app().add_flag("--json", command->json, "Print the server's JSON object.");
  draft.definition.take = [options = draft.options, command] {
    command->clear = options->word == "clear";
    return Command(*command);
  };
  return draft.definition;
}

// In the order of ModelsCommand::Action.
const std::vector<std::string> kModelActions{"list",   "load",   "unload",  "label",
                                             "canary", "shadow", "promote", "rollback"};

CommandDefinition DefineModels() {
  auto draft = Begin<Choice>(
      "models", "List, load, unload, label or try the models of a running server.",
      "list shows each version with its state, and why one could not be loaded. load looks at the "
      "model's folder now, tries again what was refused, and returns when the newest version "
      "serves or is refused; the old one serves until then. unload lets the model answer what it "
      "has and ends it; it comes back with load. label lets requests ask for a version by a name, "
      "and loads it if need be; it returns when the version answers, until then the label means "
      "what it meant. It holds until the server ends or its configuration file gives the model "
      "other labels. canary gives a version that is newer than the one that serves a share of the "
      "requests that name no version; shadow asks it what the other has answered, and shows its "
      "answers to nobody. Both return when it answers. A canary that does worse than its limits "
      "is rolled back by the server; promote makes it current, rollback ends the trial.",
      {"holdfast models list", "holdfast models load resnet50",
       "holdfast models label resnet50 stable=3", "holdfast models label resnet50 old",
       "holdfast models canary resnet50 4 --percent 5 --promote",
       "holdfast models shadow resnet50 4", "holdfast models rollback resnet50",
       "holdfast models unload resnet50 --server http://127.0.0.1:8081"});
  draft.app()
      .add_option("ACTION", draft.options->word, "What to do.")
      ->required()
      ->type_name("list|load|unload|label|canary|shadow|promote|rollback")
      ->check(Quiet(CLI::IsMember(kModelActions)));
  auto command = std::make_shared<ModelsCommand>();
  draft.app().add_option("MODEL", command->model, "The model's name.")->type_name("NAME");
  draft.app()
      .add_option("LABEL", command->label,
                  "The label and its version; without one it goes. Or the version to try.")
      ->type_name("LABEL=VERSION");
  AddRolloutRule(draft.app(), command->rule);
  AddAdminServer(draft.app(), command->server);
  draft.app().add_flag("--json", command->json, "Print the server's JSON.");
  draft.definition.take = [options = draft.options, command] {
    using Action = ModelsCommand::Action;
    const auto action = std::ranges::find(kModelActions, options->word);
    command->action = static_cast<Action>(action - kModelActions.begin());
    return Command(*command);
  };
  return draft.definition;
}

CommandDefinition DefineDrill() {
  auto draft = Begin<DrillCommand>(
      "drill", "Hurt a running server's workers, and prove that no request is lost.",
      "Injects one fault after the other into workers of a running server, while it sends photos "
      "at "
      "a steady rate or watches the load that is there. kill: SIGKILL. stop: SIGSTOP, so that the "
      "worker hangs. oom: its memory may not grow any more. garbage: one word of its next answer "
      "is garbled before the answer is checked. Then prints what became of every request, and how "
      "long workers took to be back. A fault whose worker goes on is counted as without effect, "
      "such as oom where the model needs no new memory. Exits with 0 only if no request was lost "
      "and no answer was another than before the drill, else with 1.",
      {"holdfast drill", "holdfast drill --for 300 --faults kill,stop --photos *.jpg --rate 20",
       "holdfast drill --watch --yes --json --server http://127.0.0.1:8081"});
  CLI::App& app = draft.app();
  DrillCommand& options = *draft.options;
  AddAdminServer(app, options.server);
  app.add_option("--faults", options.faults, "What to inject, in turn, with commas between.")
      ->type_name("FAULTS")
      ->default_str("kill,stop,oom,garbage")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(Quiet(CLI::IsMember({"kill", "stop", "oom", "garbage"})));
  const auto seconds = [&app](const char* flag, std::chrono::seconds& target, const char* help) {
    app.add_option_function<unsigned>(
           flag, [&target](unsigned count) { target = std::chrono::seconds(count); }, help)
        ->type_name("SECONDS")
        ->default_str(std::to_string(target.count()))
        ->check(Quiet(CLI::Range(1, 86'400)));
  };
  seconds("--for", options.duration, "How long to inject faults.");
  seconds("--every", options.every,
          "From one fault to the next; longer if the workers are not yet back.");
  app.add_option("--photos", options.photos,
                 "What to send: JPEG, PNG or WebP pictures. Without it: generated ones.")
      ->type_name("FILE");
  app.add_option("--rate", options.rate,
                 "Photos a second. Without it: a quarter of what the server can classify.")
      ->type_name("N")
      ->check(Quiet(CLI::Range(0.01, 10'000.0)));
  app.add_flag("--watch", options.watch, "Send nothing: watch the load that is there.");
  app.add_flag("--yes", options.yes, "Go on even if the server has real traffic.");
  app.add_flag("--json", options.json, "Print one JSON object.");
  return draft.definition;
}

}  // namespace holdfast
