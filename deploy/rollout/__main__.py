# SPDX-License-Identifier: Apache-2.0
"""Brings a kit of deploy/ to an AWS account, and back where it does not serve.

The old configuration stays in force unless the new one has been seen to classify the golden photos.
Exit codes: 0 it serves; 1 it was rolled back; 2 a person must look; 64 wrong use; 65 refused, and
69 no answer of AWS: in both cases nothing was changed.
"""

import argparse
import json
import pathlib
import sys
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from deploy.rollout import bundle, images, probe
from deploy.rollout.outcome import Outcome, Refused, report
from deploy.rollout.rollout import Limits, Rollout
from deploy.rollout.stacks import Configuration, Stack, State

DEPLOY = pathlib.Path(__file__).resolve().parents[1]
KITS = ("network", "elastic-beanstalk", "ecs", "sagemaker", "ec2-autoscaling")
MINUTE = 60


def arguments_of(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.rollout", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    stack = argparse.ArgumentParser(add_help=False)
    stack.add_argument("kit", choices=KITS, help="folder of deploy/")
    stack.add_argument("--stack", required=True, metavar="NAME", help="CloudFormation's name")
    stack.add_argument("--region", help="default: as the AWS configuration says")
    stack.add_argument("--poll", type=float, default=5, metavar="S",
                       help="seconds between two looks at the stack (default: 5)")

    golden = argparse.ArgumentParser(add_help=False)
    golden.add_argument("--golden", action="append", default=[], metavar="PHOTO=CLASS",
                        help="a photo and the class, by number or label, that must come out; "
                             "may be repeated")
    golden.add_argument("--url", default="", help="ask here instead of the stack's own address")
    golden.add_argument("--patience", type=float, default=60, metavar="S",
                        help="seconds for the endpoint to answer a photo (default: 60)")

    wanted = argparse.ArgumentParser(add_help=False)
    wanted.add_argument("--image", default="", metavar="URI@DIGEST",
                        help="the parameter ImageUri; checked against the machines it will run on")
    wanted.add_argument("--parameters", type=pathlib.Path, metavar="FILE",
                        help="JSON: {\"Parameter\": \"value\"}")
    wanted.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="a parameter; wins over the file; may be repeated")

    up = commands.add_parser("up", parents=[stack, golden, wanted],
                             help="create or update the stack, and verify it")
    up.add_argument("--deadline", type=float, default=45, metavar="MIN",
                    help="minutes for an update, then it is cancelled (default: 45)")
    up.add_argument("--rollback-deadline", type=float, default=45, metavar="MIN",
                    help="minutes for going back, then exit code 2 (default: 45)")
    up.add_argument("--replace", action="store_true",
                    help="permit changes that take the endpoint away for a time")
    commands.add_parser("plan", parents=[stack, wanted], help="show what up would change")
    commands.add_parser("verify", parents=[stack, golden], help="only ask the golden photos")
    down = commands.add_parser("down", parents=[stack], help="delete the stack and what it made")
    down.add_argument("--deadline", type=float, default=45, metavar="MIN",
                      help="minutes to wait (default: 45)")
    made = commands.add_parser("bundle", help="make the source bundle of Elastic Beanstalk")
    made.add_argument("--image", required=True, metavar="URI@DIGEST")
    made.add_argument("--output", type=pathlib.Path, required=True, metavar="FILE.zip")
    return parser.parse_args(words)


def client(service: str, options: argparse.Namespace) -> Any:
    """Throttled calls are tried again; the deadlines are ours."""
    settings = botocore.config.Config(retries={"mode": "standard", "max_attempts": 6},
                                      connect_timeout=10, read_timeout=70)
    return boto3.client(service, region_name=options.region, config=settings)


def wanted_configuration(options: argparse.Namespace, stack: Stack) -> Configuration:
    """Defaults of the template, then the stack's values, then the file's, then the flags'."""
    template = (DEPLOY / options.kit / "template.yaml").read_text()
    known = stack.parameters_of(template)
    given: dict[str, str] = {}
    if options.parameters:
        if not options.parameters.is_file():
            raise Refused(f"there is no file {options.parameters}")
        given |= {key: str(value) for key, value in json.loads(options.parameters.read_text()).items()}
    for text in options.set:
        key, sign, value = text.partition("=")
        if not sign:
            raise Refused(f"{text}: KEY=VALUE is wanted")
        given[key] = value
    if options.image:
        given["ImageUri"] = options.image
    if unknown := sorted(set(given) - set(known)):
        raise Refused(f"the kit {options.kit} has no parameter {', '.join(unknown)}; "
                      f"it has {', '.join(sorted(known))}")
    before = stack.state().parameters
    parameters = {key: given.get(key, before.get(key, default)) for key, default in known.items()}
    if uri := parameters.get("ImageUri"):
        images.check_fit(client("ecr", options), client("ec2", options), uri, parameters)
    elif "ImageUri" in known:
        raise Refused("no image: give --image")
    return Configuration(template, parameters)


def endpoint(options: argparse.Namespace, state: State) -> probe.Endpoint:
    if options.url:
        return probe.HttpEndpoint(options.url)
    if name := state.outputs.get("EndpointName"):
        return probe.SageMakerEndpoint(client("sagemaker-runtime", options), name)
    if url := state.outputs.get("EndpointUrl"):
        return probe.HttpEndpoint(url, state.outputs.get("LoadBalancerName", ""))
    raise Refused(f"the stack {options.stack} names no endpoint; give --url")


def run(options: argparse.Namespace) -> Outcome:
    if options.command == "bundle":
        images.parse(options.image)
        digest = bundle.write(DEPLOY / "elastic-beanstalk" / "bundle", options.image, options.output)
        report(f"{options.output}: {digest}")
        return Outcome.SERVES
    stack = Stack(client("cloudformation", options), options.stack, options.poll)
    if options.command == "down":
        end = stack.delete(options.deadline * MINUTE)
        if end is None or end.exists:
            report(f"{options.stack} is not gone: {end.reason if end else 'it takes longer'}")
            return Outcome.NEEDS_A_PERSON
        report(f"{options.stack} is gone")
        return Outcome.SERVES
    goldens = [probe.parse(text) for text in getattr(options, "golden", [])]
    limits = Limits(getattr(options, "deadline", 0) * MINUTE,
                    getattr(options, "rollback_deadline", 0) * MINUTE,
                    getattr(options, "patience", 0))
    rollout = Rollout(stack, lambda state: endpoint(options, state), goldens, limits)
    if options.command == "verify":
        return rollout.verify()
    if options.command == "plan":
        return rollout.preview(wanted_configuration(options, stack))
    if not goldens and options.kit != "network":
        raise Refused("nothing to verify with: give --golden PHOTO=CLASS")
    return rollout.run(wanted_configuration(options, stack), replace=options.replace)


def main() -> int:
    options = arguments_of(sys.argv[1:])
    try:
        return run(options)
    except Refused as problem:
        print(f"refused: {problem}", file=sys.stderr)
        return Outcome.REFUSED
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        print(f"AWS: {error}", file=sys.stderr)
        return Outcome.NO_ANSWER
    except KeyboardInterrupt:
        print("interrupted: CloudFormation goes on with what was begun", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
