// SPDX-License-Identifier: Apache-2.0
#include "apps/command_definitions.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "apps/command_draft.h"
#include "apps/completion.h"
#include "apps/help_text.h"
#include "apps/man_page.h"
#include "apps/production_command_definitions.h"
#include "apps/reference.h"
#include "apps/server_command_definitions.h"
#include "apps/settings.h"

namespace holdfast {
namespace {

// The names that model/preprocessing_presets.h has; a test compares.
constexpr const char* kPresets = "torchvision|torchvision-v2|efficientnet-lite|keras-caffe|unit";

// The server's settings, as flags.
void AddSettings(CommandDefinition& definition, const std::shared_ptr<ServeCommand>& options,
                 bool shown) {
  CLI::App& app = *definition.app;
  const auto group = [shown](std::string_view name) { return std::string(shown ? name : ""); };
  app.add_option("--config", options->config_file,
                 "TOML file of settings. Without it: the one that HOLDFAST_CONFIG names.")
      ->type_name("FILE")
      ->take_last()
      ->group(group("Models"));
  const ServerConfig defaults;
  for (const Setting& setting : Settings()) {
    const std::string flag = FlagName(setting.name);
    std::string spellings = "--" + flag;
    if (!setting.flag_alias.empty()) spellings += ",--" + FlagName(setting.flag_alias);
    app.add_option_function<std::string>(
           spellings,
           [options, flag](const std::string& value) {
             options->flags.push_back({flag, value});
           },
           std::string(setting.help))
        ->type_name(std::string(setting.value))
        ->default_str(FormatValue(setting, defaults))
        ->take_last()
        ->group(group(setting.group));
  }
  definition.takes_settings = true;
}

// What the parser did not know: ResolveConfig() says of all of it what is wrong.
void TakeExtras(const CLI::App& app, ServeCommand& command) {
  command.extras = app.remaining();
  std::erase(command.extras, "--");
}

CommandDefinition DefineServe() {
  auto draft = Begin<ServeCommand>(
      "serve", "Serve models over HTTP and gRPC.",
      "Serves all models of a repository, or one model. With nothing configured it serves the "
      "demo model, if there is one. A setting may be given as flag, as variable HOLDFAST_NAME or "
      "as key of a TOML file; the first of these that has it wins. SIGTERM answers what has been "
      "accepted, then ends.",
      {"holdfast serve --model-repository /srv/models",
       "holdfast serve --model-name resnet50 --model-base-path /srv/models/resnet50",
       "HOLDFAST_WORKERS=2 holdfast serve --http-port 0 --port-file ports.json"});
  AddSettings(draft.definition, draft.options, true);
  draft.definition.take = [options = draft.options, app = draft.definition.app.get()] {
    TakeExtras(*app, *options);
    return Command(*options);
  };
  return draft.definition;
}

CommandDefinition DefineDoctor() {
  auto draft = Begin<DoctorCommand>(
      "doctor", "Check this host for what breaks a server in production.",
      "Says of limits, control group, processor, clock, ports, models and the timeouts around the "
      "server what was found, why it matters and what to change, for a server with these settings: "
      "serve's flags, variables and file are taken here, too. Run it where the server will run, in "
      "the same container with the same limits. Exits with 1 if something would break, with 0 if "
      "there are warnings at most.",
      {"holdfast doctor --model-repository /srv/models",
       "holdfast doctor --load-balancer-idle-s 60 --stop-timeout-s 120 --json"});
  const auto add_seconds = [&](const char* flag, std::optional<std::chrono::seconds>& value,
                               const char* help) {
    draft.app()
        .add_option_function<unsigned>(
            flag, [&value](unsigned seconds) { value = std::chrono::seconds(seconds); }, help)
        ->type_name("N")
        ->check(Quiet(CLI::Range(1, 86'400)));
  };
  add_seconds("--load-balancer-idle-s", draft.options->balancer_idle,
              "The load balancer's idle timeout. AWS's Application Load Balancer has 60.");
  add_seconds("--stop-timeout-s", draft.options->stop_timeout,
              "The platform's time from SIGTERM to SIGKILL. Without it: not checked.");
  draft.app().add_flag("--json", draft.options->json, "Print one JSON object.");
  const auto serve = std::make_shared<ServeCommand>();
  AddSettings(draft.definition, serve, false);
  draft.definition.take = [options = draft.options, serve, app = draft.definition.app.get()] {
    TakeExtras(*app, *serve);
    options->serve = *serve;
    return Command(*options);
  };
  return draft.definition;
}

CommandDefinition DefinePack() {
  auto draft = Begin<PackCommand>(
      "pack", "Make a servable folder from a model file.",
      "Writes NAME/VERSION/ into a repository: the model, its labels, how pictures become its "
      "input, digests and golden examples. The model is loaded and run first; what does not work "
      "is not packed.",
      {"holdfast pack resnet50.onnx --model-repository models --labels imagenet.txt",
       "holdfast pack lite0.onnx --model-repository models --preset efficientnet-lite "
       "--golden cat.jpg=285",
       "holdfast pack export/saved_model.pb --name flowers --model-repository models --preset "
       "unit"});
  CLI::App& app = draft.app();
  PackCommand& options = *draft.options;
  app.add_option("MODEL", options.model_file,
                 "The model: a .onnx or .tflite file, a .xml with its .bin beside it, or the "
                 "saved_model.pb of a SavedModel.")
      ->required()
      ->type_name("FILE");
  app.add_option("--model-repository,--repository", options.model_repository,
                 "Folder to pack into; it is made if it is missing.")
      ->required()
      ->type_name("DIR");
  app.add_option("--name", options.name, "The model's name. Without it: that of the file.")
      ->type_name("NAME");
  app.add_option("--version", options.version,
                 "The version's number. Without it: one more than the highest there.")
      ->type_name("N")
      ->check(Quiet(CLI::Range(std::int64_t{1}, std::numeric_limits<std::int64_t>::max())));
  app.add_option("--labels", options.labels_file,
                 "Names of the classes, one a line. Without it: classes have numbers.")
      ->type_name("FILE");
  app.add_option("--preset", options.preset, "How the model's training prepared pictures.")
      ->type_name(kPresets)
      ->default_str(options.preset);
  app.add_option("--preprocessing", options.preprocessing,
                 "One change to the preset, with a key of model.toml: crop=260,260.")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--output", options.output,
                 "What the model's output is. Without it: found out by running it.")
      ->type_name("logits|probabilities")
      ->check(Quiet(CLI::IsMember({"logits", "probabilities"})));
  app.add_option("--golden", options.golden,
                 "A photo and its class, by number or label, that must come out before the model "
                 "is served. Without a class: the one that comes out now.")
      ->type_name("PHOTO[=CLASS]")
      ->allow_extra_args(false);
  app.add_option("--description", options.description, "What the model is, for people.")
      ->type_name("TEXT");
  app.add_flag("--force", options.force, "Replace a version that is there.");
  return draft.definition;
}

CommandDefinition DefineInspect() {
  auto draft = Begin<InspectCommand>(
      "inspect", "Show what a servable folder holds and what is wrong with it.",
      "Reads, hashes, loads and runs a model as the server would, and lists all problems at once. "
      "Exits with 78 where there is one.",
      {"holdfast inspect models/resnet50", "holdfast inspect --json models/resnet50/1"});
  draft.app()
      .add_option("FOLDER", draft.options->folder,
                  "NAME/VERSION/, or NAME/ for its highest version.")
      ->required()
      ->type_name("DIR");
  draft.app().add_flag("--json", draft.options->json, "Print one JSON object.");
  return draft.definition;
}

CommandDefinition DefineTune() {
  auto draft = Begin<TuneCommand>(
      "tune", "Measure which engine and how many workers serve a model best here.",
      "Runs the model on this host with each engine that reads it and each number of workers that "
      "the cores allow, in turns, and writes the best into tuned.toml in its folder, one entry a "
      "kind of host. A server whose model.toml says engine = \"auto\" follows the entry of its "
      "host. "
      "An engine that gives other answers is no choice. Nothing else should run meanwhile.",
      {"holdfast tune models/resnet50",
       "holdfast tune --photo cat.jpg --photo dog.jpg models/resnet50/1",
       "holdfast tune --dry-run --seconds 5 models/resnet50"});
  CLI::App& app = draft.app();
  TuneCommand& options = *draft.options;
  app.add_option("FOLDER", options.folder, "NAME/VERSION/, or NAME/ for its highest version.")
      ->required()
      ->type_name("DIR");
  app.add_option("--photo", options.photos,
                 "A picture to measure with. Without any: the golden examples; without these, "
                 "inference alone.")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--seconds", options.seconds, "Seconds of each measurement.")
      ->type_name("N")
      ->default_str("2")
      ->check(Quiet(CLI::Range(0.1, 3600.0)));
  app.add_option("--rounds", options.rounds, "How often each is measured; the median counts.")
      ->type_name("N")
      ->default_str("5")
      ->check(Quiet(CLI::Range(1, 1000)));
  app.add_flag("--dry-run", options.dry_run, "Print the table and write nothing.");
  app.add_flag("--json", options.json, "Print the entry as one JSON object.");
  return draft.definition;
}

CommandDefinition DefineClassify() {
  auto draft = Begin<ClassifyCommand>(
      "classify", "Classify pictures, here or by a server.",
      "Prints the most probable classes of each picture. Without --server it runs the code that a "
      "worker runs, in this process, and needs no server. A picture that cannot be classified "
      "costs only its own answer; the exit code is the highest among the pictures'.",
      {"holdfast classify cat.jpg", "holdfast classify --top 1 --json *.jpg",
       "holdfast classify --server http://localhost:8080 cat.jpg"});
  CLI::App& app = draft.app();
  ClassifyCommand& options = *draft.options;
  app.add_option("FILE", options.files, "A JPEG, PNG or WebP picture; - reads standard input.")
      ->required()
      ->type_name("FILE");
  app.add_option("--model", options.model,
                 "NAME or NAME/VERSION; without --server also a servable folder. Needed only where "
                 "there are several.")
      ->type_name("MODEL");
  app.add_option("--model-repository", options.model_repository,
                 "Folder of models. Without it: HOLDFAST_MODEL_REPOSITORY, then the demo's.")
      ->type_name("DIR");
  app.add_option("--server", options.server, "Ask this server: http://HOST[:PORT].")
      ->type_name("URL");
  app.add_option("--top", options.top, "Classes to show for each picture.")
      ->type_name("N")
      ->default_str("5")
      ->check(Quiet(CLI::Range(1, 1000)));
  app.add_flag("--json", options.json, "Print one JSON object a picture and line.");
  app.add_option_function<unsigned>(
         "--timeout",
         [given = draft.options](unsigned seconds) {
           given->timeout = std::chrono::seconds(seconds);
         },
         "Seconds to wait for the server's answer to a picture.")
      ->type_name("SECONDS")
      ->default_str("30")
      ->check(Quiet(CLI::Range(1, 3600)));
  return draft.definition;
}

CommandDefinition DefineVersion() {
  auto draft = Begin<VersionCommand>(
      "version", "Show version, build and inference libraries.",
      "The build id is the same in the three executables of one build; those of two builds refuse "
      "to work together.",
      {"holdfast version --json"});
  draft.app().add_flag("--json", draft.options->json, "Print one JSON object.");
  return draft.definition;
}

CommandDefinition DefineText(const std::string& name, const std::string& summary,
                             const std::string& description,
                             const std::vector<std::string>& examples) {
  auto draft = Begin<ShowText>(name, summary, description, examples);
  return draft.definition;
}

CommandDefinition DefineCompletion() {
  auto draft = Begin<Choice>(
      "completion", "Print a completion script for a shell.",
      "The script completes commands, flags, their choices and files.",
      {"source <(holdfast completion bash)", "holdfast completion zsh > ~/.zfunc/_holdfast",
       "holdfast completion fish > ~/.config/fish/completions/holdfast.fish"});
  draft.app()
      .add_option("SHELL", draft.options->word, "The shell.")
      ->required()
      ->type_name("bash|zsh|fish")
      ->check(Quiet(CLI::IsMember({"bash", "zsh", "fish"})));
  draft.definition.take = [options = draft.options] {
    return Command(ShowText{RenderCompletion(options->word, DescribeCommands())});
  };
  return draft.definition;
}

CommandDefinition DefineMan() {
  CommandDefinition definition =
      DefineText("man", "Print the manual page.", "The page is in roff, for man.",
                 {"holdfast man | man -l -", "holdfast man > /usr/share/man/man1/holdfast.1"});
  definition.take = [] { return Command(ShowText{RenderManPage(DescribeCommands())}); };
  return definition;
}

CommandDefinition DefineHelp() {
  auto draft = Begin<Choice>("help", "Show the help of a command.", "", {"holdfast help serve"});
  draft.app()
      .add_option("COMMAND", draft.options->word, "The command. Without it: all of them.")
      ->type_name("COMMAND");
  draft.definition.take = [options = draft.options] {
    return Command(ShowText{RenderHelp(options->word, DescribeCommands())});
  };
  return draft.definition;
}

// Writes docs/reference/; not for users, hence hidden.
CommandDefinition DefineReference() {
  auto draft = Begin<Choice>("reference", "Print a page of the reference.", "", {});
  draft.app()
      .add_option("PAGE", draft.options->word, "The page.")
      ->required()
      ->type_name("cli|configuration")
      ->check(Quiet(CLI::IsMember({"cli", "configuration"})));
  draft.definition.hidden = true;
  draft.definition.take = [options = draft.options] {
    return Command(ShowText{options->word == "cli" ? RenderCommandReference(DescribeCommands())
                                                   : RenderConfigurationReference()});
  };
  return draft.definition;
}

}  // namespace

std::vector<CommandDefinition> DefineCommands() {
  std::vector<CommandDefinition> commands;
  commands.push_back(DefineServe());
  commands.push_back(DefineDoctor());
  commands.push_back(DefinePack());
  commands.push_back(DefineInspect());
  commands.push_back(DefineTune());
  commands.push_back(DefinePlan());
  commands.push_back(DefineClassify());
  commands.push_back(DefineHealthcheck());
  commands.push_back(DefineTop());
  commands.push_back(DefineDeaths());
  commands.push_back(DefineQuarantine());
  commands.push_back(DefineModels());
  commands.push_back(DefineDrill());
  commands.push_back(DefineVersion());
  commands.push_back(DefineCompletion());
  commands.push_back(DefineMan());
  commands.push_back(DefineHelp());
  commands.push_back(DefineReference());
  return commands;
}

}  // namespace holdfast
