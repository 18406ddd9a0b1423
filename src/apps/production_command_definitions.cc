// SPDX-License-Identifier: Apache-2.0
#include "apps/production_command_definitions.h"

#include <CLI/CLI.hpp>
#include <string>

#include "apps/command_draft.h"

namespace holdfast {

CommandDefinition DefinePlan() {
  auto draft = Begin<PlanCommand>(
      "plan", "Choose instance types and numbers for a rate, a deadline and a budget.",
      "Ranks the types that a kit of deploy/ can use by the cost of a million images, and prints "
      "the reasoning with its numbers. How fast a type is comes from holdfast tune where it "
      "measured that processor (measured), from a measurement elsewhere by the quotient of the "
      "data sheets (scaled), or from published figures alone (published). Prices are dated and of "
      "us-east-1. The group keeps its p99 with one instance gone. Exits with 1 where each type is "
      "above the budget.",
      {"holdfast plan --rate 50 --deadline-ms 500",
       "holdfast plan --rate 50 --deadline-ms 200 --budget 900 --model models/resnet50/1",
       "holdfast plan --rate 20 --deadline-ms 1000 --kit ecs --output ecs.json"});
  CLI::App& app = draft.app();
  PlanCommand& options = *draft.options;
  app.add_option("--rate", options.rate, "Images a second.")->required()->type_name("N");
  app.add_option("--deadline-ms", options.deadline_ms,
                 "When an answer is of no use any more, in milliseconds.")
      ->required()
      ->type_name("MS");
  app.add_option("--p99-ms", options.p99_ms,
                 "What 99 of 100 answers may take. Without it: what the deadline allows, less the "
                 "margin by which the server refuses.")
      ->type_name("MS");
  app.add_option("--budget", options.budget, "Dollars a month for the instances.")
      ->type_name("DOLLARS");
  app.add_option("--model", options.model, "A servable folder, NAME/VERSION/, with its tuned.toml.")
      ->type_name("DIR");
  app.add_option("--model-name", options.model_name, "A model with published figures.")
      ->type_name("NAME")
      ->default_str(options.model_name);
  app.add_option("--region", options.region, "Of the prices.")
      ->type_name("REGION")
      ->default_str(options.region);
  app.add_option("--kit", options.kit, "The kit of deploy/ that will run it.")
      ->type_name("ecs|ec2-autoscaling|elastic-beanstalk|sagemaker|eks")
      ->default_str(options.kit);
  app.add_option("--types", options.types,
                 "Types to compare, with commas between. Without it: all that the kit takes.")
      ->type_name("TYPES")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--output", options.output,
                 "Write the kit's parameters for the first type of the ranking.")
      ->type_name("FILE");
  app.add_flag("--json", options.json, "Print one JSON object.");
  return draft.definition;
}

}  // namespace holdfast
