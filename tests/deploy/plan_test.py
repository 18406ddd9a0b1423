# SPDX-License-Identifier: Apache-2.0
"""`holdfast plan`: what it writes is what the kits take, and the times it names are the kits' own."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from deploy.check.templates import Template
from tests.process.running_server import BIN, ROOT

DEPLOY = ROOT / "deploy"
TEMPLATES = ["ecs", "ec2-autoscaling", "elastic-beanstalk", "sagemaker"]
ASKED = ("--rate", "50", "--deadline-ms", "600")


def plan(*words):
    done = subprocess.run([BIN / "holdfast", "plan", *ASKED, *words], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def problems(parameter, value):
    """What CloudFormation would have against a value of this parameter."""
    if parameter["Type"] not in ("String", "Number"):
        yield f"is a {parameter['Type']}"
    if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
        yield f"{value} is none of {parameter['AllowedValues']}"
    if "AllowedPattern" in parameter and not re.search(parameter["AllowedPattern"], value):
        yield f"{value} does not match"
    if parameter["Type"] == "Number":
        if float(value) < parameter.get("MinValue", float("-inf")):
            yield f"{value} is too small"
        if float(value) > parameter.get("MaxValue", float("inf")):
            yield f"{value} is too large"


def parameters_of(kit):
    return Template((DEPLOY / kit / "template.yaml").read_text()).parameters


@pytest.mark.parametrize("kit", TEMPLATES)
def test_every_type_gives_parameters_that_the_template_has(kit, tmp_path):
    known = parameters_of(kit)
    answer = json.loads(plan("--kit", kit, "--json", "--output", tmp_path / "file.json"))
    assert json.loads((tmp_path / "file.json").read_text()) == answer["ranked"][0]["parameters"]
    for sizing in answer["ranked"]:
        assert len(sizing["parameters"]) >= 5
        for name, value in sizing["parameters"].items():
            assert isinstance(value, str)
            assert list(problems(known[name], value)) == [], (sizing["type"], name)


@pytest.mark.parametrize(("name", "value"), [
    ("Size", "3cpu-4gb"), ("CpuTarget", "5"), ("CpuTarget", "95"), ("ModelFileSystem", "disk"),
    ("VpcId", "vpc-1")])
def test_a_wrong_value_is_found_out(name, value):
    assert list(problems(parameters_of("ecs")[name], value))


def test_the_overlay_of_eks_changes_what_is_there(tmp_path):
    plan("--kit", "eks", "--output", tmp_path / "kustomization.yaml")
    overlay = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())
    assert (ROOT / overlay["resources"][0] / "kustomization.yaml").is_file()
    files = {"Deployment": "deployment.yaml", "HorizontalPodAutoscaler": "autoscaler.yaml"}
    for patch in overlay["patches"]:
        target = yaml.safe_load((DEPLOY / "eks/base" / files[patch["target"]["kind"]]).read_text())
        assert target["metadata"]["name"] == patch["target"]["name"]
        for change in yaml.safe_load(patch["patch"]):
            *parents, last = change["path"].strip("/").split("/")
            at = target
            for key in parents:
                at = at[int(key) if isinstance(at, list) else key]
            assert (last in at) == (change["op"] == "replace"), change["path"]
            if last == "resources":
                assert change["value"].keys() == at[last].keys()


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kustomize_takes_the_overlay(tmp_path):
    shutil.copytree(DEPLOY / "eks/base", tmp_path / "deploy/eks/base")
    plan("--kit", "eks", "--output", tmp_path / "kustomization.yaml")
    done = subprocess.run(["kubectl", "kustomize", tmp_path], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "node.kubernetes.io/instance-type" in done.stdout


# What each of the kits says itself; a group matches the seconds.
TIMES = {
    "ecs": ("ecs/template.yaml", {
        "stop_timeout": r"StopTimeout: (\d+)",
        "deregistration": r"deregistration_delay.timeout_seconds, Value: \"(\d+)\"",
        "grace_period": r"HealthCheckGracePeriodSeconds: (\d+)"}),
    "ec2-autoscaling": ("ec2-autoscaling/template.yaml", {
        "stop_timeout": r"docker stop --time (\d+)",
        "deregistration": r"deregistration_delay.timeout_seconds, Value: \"(\d+)\"",
        "grace_period": r"HealthCheckGracePeriod: (\d+)"}),
    "elastic-beanstalk": ("elastic-beanstalk/template.yaml", {
        "deregistration": r"OptionName: DeregistrationDelay, Value: \"(\d+)\""}),
    "sagemaker": ("sagemaker/template.yaml", {
        "grace_period": r"ContainerStartupHealthCheckTimeoutInSeconds: !If \[HasInstances, (\d+)"}),
    "eks": ("eks/base/deployment.yaml", {
        "stop_timeout": r"terminationGracePeriodSeconds: (\d+)"}),
}


@pytest.mark.parametrize("kit", TIMES)
def test_the_times_are_those_of_the_kit(kit):
    path, patterns = TIMES[kit]
    text = (DEPLOY / path).read_text()
    seconds = json.loads(plan("--kit", kit, "--json"))["seconds"]
    for name, pattern in patterns.items():
        assert int(re.search(pattern, text)[1]) == seconds[name], name
    assert seconds["lame_duck"] < seconds["drain"] < seconds["stop_timeout"]


def test_the_grace_period_of_eks_is_that_of_its_startup_probe():
    deployment = yaml.safe_load((DEPLOY / "eks/base/deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    probe = container["startupProbe"]
    seconds = json.loads(plan("--kit", "eks", "--json"))["seconds"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == seconds["grace_period"]
