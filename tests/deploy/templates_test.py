# SPDX-License-Identifier: Apache-2.0
"""The templates are what the services take, and the checker that says so can tell."""

import json
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest
import yaml

from deploy.check.templates import Template, option_problems, read
from deploy.rollout import bundle
from tests.process.running_server import ROOT

DEPLOY = ROOT / "deploy"
KITS = ["network", "ecs", "sagemaker", "ec2-autoscaling", "elastic-beanstalk", "observability"]
BUNDLE = DEPLOY / "elastic-beanstalk/bundle"


def text_of(kit):
    return (DEPLOY / kit / "template.yaml").read_text()


def test_cfn_lint_finds_nothing():
    done = subprocess.run(
        [pathlib.Path(sys.executable).with_name("cfn-lint"), "-r", "eu-central-1", "us-east-1", "--",
         *(DEPLOY / kit / "template.yaml" for kit in KITS)],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kit", KITS)
def test_a_kit_is_what_the_services_take(kit):
    assert Template(text_of(kit)).problems() == []


WRONG = [
    ("sagemaker", "Default: ml.c7i.xlarge", "Default: ml.t3.xlarge", "ml.t3.xlarge"),
    ("sagemaker", "RoutingStrategy: LEAST_OUTSTANDING_REQUESTS", "RoutingStrategy: FASTEST",
     "FASTEST"),
    ("sagemaker", "[HasInstances, 600,", "[HasInstances, 30,", "not from 60 to 3600"),
    ("sagemaker", "TerminationWaitInSeconds: 120", "TerminationWaitInSeconds: 3601", "3600"),
    ("sagemaker", "WaitIntervalInSeconds: 300", "WaitIntervalInSeconds: 1800", "sum of its waits"),
    ("sagemaker", "MaxConcurrentInvocationsPerInstance: 8",
     "MaxConcurrentInvocationsPerInstance: 1001", "1000"),
    ("sagemaker", "sagemaker:variant:DesiredInstanceCount", "ecs:service:DesiredCount",
     "none of sagemaker"),
    ("sagemaker", "MultiModel, SingleModel", "SeveralModels, SingleModel", "SeveralModels"),
    ("sagemaker", "ModelCacheSetting: Enabled", "ModelCacheSetting: Always", "Always"),
    ("ecs", "StopTimeout: 120", "StopTimeout: 300", "not from 2 to 120"),
    ("ecs", "Interval: 10\n", "Interval: 2\n", "not from 5 to 300"),
    ("ecs", 'Memory: "16384"', 'Memory: "8192"', "8cpu-16gb"),
    ("ecs", 'Cpu: "2048"', 'Cpu: "3000"', "no 3000 CPU units"),
    ("ecs", "deregistration_delay.timeout_seconds", "deregistration_delay.seconds",
     "there is no attribute"),
    ("ecs", "least_outstanding_requests", "least_connections", "least_connections"),
    ("ecs", 'idle_timeout.timeout_seconds, Value: "60"', 'idle_timeout.timeout_seconds, Value: "0"',
     "not from 1 to 4000"),
    ("ecs", "HealthCheckTimeoutSeconds: 5", "HealthCheckTimeoutSeconds: 10", "below its interval"),
    ("ecs", 'HttpCode: "200"', 'HttpCode: "600"', "not from 200 to 499"),
    ("ecs", "HealthyThresholdCount: 2", "HealthyThresholdCount: 11", "not from 2 to 10"),
    ("ecs", "PropagateTags: SERVICE", "PropagateTags: CLUSTER", "CLUSTER"),
    ("ecs", "ManagedScaling: {Status: ENABLED, TargetCapacity: 100}",
     "ManagedScaling: {Status: ON, TargetCapacity: 100}", "which the API does not know"),
    ("ec2-autoscaling", "PoolState: Stopped", "PoolState: Paused", "Paused"),
    ("elastic-beanstalk", "OptionName: LoadBalancerType", "OptionName: LoadBalancer",
     "has no option LoadBalancer"),
    ("elastic-beanstalk", '"aws:elbv2:loadbalancer"', '"aws:elb:loadbalancer"', "no namespace"),
    ("elastic-beanstalk", 'HealthCheckInterval, Value: "10"', 'HealthCheckInterval, Value: "1"',
     "not from 5 to 300"),
    ("elastic-beanstalk", 'SystemType, Value: "enhanced"', 'SystemType, Value: "advanced"',
     "advanced"),
]


@pytest.mark.parametrize(("kit", "before", "after", "words"), WRONG)
def test_a_wrong_template_is_found_out(kit, before, after, words):
    text = text_of(kit)
    assert before in text
    problems = Template(text.replace(before, after, 1)).problems()
    assert any(words in problem for problem in problems), problems


def test_a_template_that_is_too_long_is_found_out():
    assert any("51200" in each for each in
               Template(text_of("network") + "#" * 51200).problems())


# --- Elastic Beanstalk: three forms of one thing ---

def api_options():
    return {(each["Namespace"], each["OptionName"]): each["Value"]
            for each in json.loads((DEPLOY / "elastic-beanstalk/options.json").read_text())}


def test_the_options_for_the_api_exist():
    assert list(option_problems([(*key, value) for key, value in api_options().items()])) == []


def test_ebextensions_and_options_are_the_same():
    extensions = yaml.safe_load((BUNDLE / ".ebextensions/10-options.config").read_text())
    assert {(namespace, name): value
            for namespace, options in extensions["option_settings"].items()
            for name, value in options.items()} == api_options()


def test_the_template_sets_every_option_of_the_api():
    template = Template(text_of("elastic-beanstalk"))
    (_, environment), = template.resources("AWS::ElasticBeanstalk::Environment")
    settings = {(each["Namespace"], each["OptionName"]): each["Value"]
                for each in environment["OptionSettings"]}
    for key, value in api_options().items():
        given = settings[key]
        if isinstance(given, dict):
            given = template.parameters[given["Ref"]]["Default"]
        assert str(given) == value, key


def test_the_bundle_names_its_image_and_is_the_same_each_time(tmp_path):
    first = bundle.write(BUNDLE, "account/holdfast@sha256:1", tmp_path / "a.zip")
    assert first == bundle.write(BUNDLE, "account/holdfast@sha256:1", tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        run = json.loads(archive.read("Dockerrun.aws.json"))
        assert run["Image"]["Name"] == "account/holdfast@sha256:1"
        assert run["AWSEBDockerrunVersion"] == "1" and run["Ports"] == [{"ContainerPort": "8080"}]
        assert ".platform/nginx/conf.d/10-holdfast.conf" in archive.namelist()
        assert "Dockerfile" not in archive.namelist()


# --- What all kits share ---

def test_the_load_balancers_of_ecs_and_ec2_differ_only_in_their_targets():
    ecs, ec2 = (read(text_of(kit))["Resources"] for kit in ("ecs", "ec2-autoscaling"))
    for name in ("LoadBalancer", "HttpsListener", "HttpListener", "AvailabilityAlarm",
                 "LatencyAlarm", "NoHealthyHostAlarm", "LossAlarm", "LogErrorAlarm"):
        assert ecs[name] == ec2[name], name


def test_alarms_on_events_name_events_that_the_server_logs():
    known = (ROOT / "docs/reference/logs.md").read_text()
    for kit in ("ecs", "sagemaker", "ec2-autoscaling"):
        events = re.findall(r'\$\.event = "([a-z-]+)"', text_of(kit))
        assert events and all(f"`{event}`" in known for event in events)


def test_the_settings_of_the_server_exist():
    known = (ROOT / "docs/reference/configuration.md").read_text()
    files = [file for file in DEPLOY.rglob("*") if file.suffix in (".yaml", ".json", ".config")]
    used = {name for file in files for name in re.findall(r"\bHOLDFAST_[A-Z_]+", file.read_text())}
    assert len(used) >= 4 and all(f"`{name}`" in known for name in used)
