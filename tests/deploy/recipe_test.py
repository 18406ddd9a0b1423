# SPDX-License-Identifier: Apache-2.0
"""Mistakes of common recipes for an image classifier on AWS, which our kits do not make.

A mistake whose place is the image or the server is not here but with them.
"""

import json
import re

import pytest
import yaml

from deploy.check.templates import Template
from tests.deploy.templates_test import BUNDLE, DEPLOY, KITS, api_options, text_of

MANIFESTS = sorted((DEPLOY / "eks").rglob("*.yaml"))
WITH_IMAGE = [kit for kit in KITS if kit not in ("network", "observability")]
OPTIONS = api_options()


def properties(kit, kind):
    return [found for _, found in Template(text_of(kit)).resources(kind)]


def test_1_grpc_and_http_have_ports_of_their_own():
    deployment = yaml.safe_load((DEPLOY / "eks/base/deployment.yaml").read_text())
    ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert {port["name"]: port["containerPort"] for port in ports} == {"http": 8080, "grpc": 8500}
    for kit in ("ecs", "ec2-autoscaling"):
        assert [group["Port"] for group in
                properties(kit, "AWS::ElasticLoadBalancingV2::TargetGroup")] == [8080]


def test_2_the_command_is_an_argument_of_the_entry_point():
    (task,) = properties("ecs", "AWS::ECS::TaskDefinition")
    assert task["ContainerDefinitions"][0]["Command"] == ["serve"]
    assert json.loads((BUNDLE / "Dockerrun.aws.json").read_text())["Command"] == "serve"


@pytest.mark.parametrize("kit", ["ecs", "ec2-autoscaling"])
def test_4_the_health_path_is_one_that_the_server_has(kit):
    (group,) = properties(kit, "AWS::ElasticLoadBalancingV2::TargetGroup")
    contract = (DEPLOY.parent / "api/openapi.yaml").read_text()
    assert f"  {group['HealthCheckPath']}:" in contract


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_4_probes_ask_for_what_the_server_has(file):
    contract = (DEPLOY.parent / "api/openapi.yaml").read_text()
    text = file.read_text()
    for path in re.findall(r"httpGet: \{path: ([^,]+),|healthcheck-path: (\S+)", text):
        assert f"  {path[0] or path[1]}:\n" in contract
    if file.stem in ("deployment", "serving-runtime"):
        assert "/readyz" in text and "/livez" in text


@pytest.mark.parametrize("kit", WITH_IMAGE)
def test_6_an_image_is_named_by_its_digest(kit):
    pattern = Template(text_of(kit)).parameters["ImageUri"]["AllowedPattern"]
    image = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/holdfast"
    assert re.fullmatch(pattern, f"{image}@sha256:{'0' * 64}")
    assert not re.fullmatch(pattern, f"{image}:latest")


def test_7_beanstalk_gets_only_files_that_it_knows():
    top = {path.name for path in BUNDLE.iterdir()}
    assert top == {"Dockerrun.aws.json", ".ebextensions", ".platform"}


def test_8_beanstalk_gets_one_instance_type():
    assert "," not in OPTIONS["aws:ec2:instances", "InstanceTypes"]


def test_9_beanstalk_is_told_its_load_balancer():
    assert OPTIONS["aws:elasticbeanstalk:environment", "LoadBalancerType"] == "application"


def test_10_scaling_follows_the_cpu_not_the_network():
    assert OPTIONS["aws:autoscaling:trigger", "MeasureName"] == "CPUUtilization"
    assert OPTIONS["aws:autoscaling:trigger", "UpperThreshold"] == "100"
    assert OPTIONS["aws:autoscaling:asg", "MaxSize"] == "10"
    scaling = (BUNDLE / ".ebextensions/20-scaling.config").read_text()
    assert "ASGAverageCPUUtilization" in scaling


def test_11_an_instance_that_hangs_is_replaced():
    scaling = yaml.safe_load((BUNDLE / ".ebextensions/20-scaling.config").read_text())
    group = scaling["Resources"]["AWSEBAutoScalingGroup"]["Properties"]
    assert group["HealthCheckType"] == "ELB"
    (group,) = properties("ec2-autoscaling", "AWS::AutoScaling::AutoScalingGroup")
    assert group["HealthCheckType"] == "ELB"


def test_12_the_health_path_belongs_to_the_process():
    assert OPTIONS["aws:elasticbeanstalk:environment:process:default",
                   "HealthCheckPath"] == "/healthz"
    assert "aws:elasticbeanstalk:application" not in {namespace for namespace, _ in OPTIONS}


def test_13_beanstalk_is_told_the_port():
    assert json.loads((BUNDLE / "Dockerrun.aws.json").read_text())["Ports"]


def test_14_nginx_lets_photos_through():
    nginx = (BUNDLE / ".platform/nginx/conf.d/10-holdfast.conf").read_text()
    assert int(re.search(r"client_max_body_size (\d+)m;", nginx)[1]) >= 25
    assert int(re.search(r"proxy_read_timeout (\d+)s;", nginx)[1]) > 55


@pytest.mark.parametrize("kit", ["sagemaker", "ecs", "ec2-autoscaling", "elastic-beanstalk"])
def test_5_15_19_the_default_machine_is_no_t3_and_fits(kit):
    default = Template(text_of(kit)).parameters["InstanceType"]["Default"]
    assert re.fullmatch(r"ml\.c7i\.\w+" if kit == "sagemaker" else r"c7i\.\w+", default)


def test_16_mistakes_of_clients_do_not_undo_a_deployment():
    document = json.loads(OPTIONS["aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"])
    rules = document["Rules"]["Environment"]
    assert rules["Application"]["ApplicationRequests4xx"] == {"Enabled": False}
    assert rules["ELB"]["ELBRequests4xx"] == {"Enabled": False}
    for kit in WITH_IMAGE:
        assert "4XX" not in text_of(kit)


def test_18_sagemaker_finds_the_model_where_it_puts_it():
    assert Template(text_of("sagemaker")).parameters["ModelRepository"]["Default"] == "/opt/ml/model"


def test_20_the_health_check_is_the_tasks_and_needs_no_shell():
    (task,) = properties("ecs", "AWS::ECS::TaskDefinition")
    command = task["ContainerDefinitions"][0]["HealthCheck"]["Command"]
    assert command[0] == "CMD" and command[1:] == ["/usr/local/bin/holdfast", "healthcheck"]


def test_21_somebody_watches():
    assert OPTIONS["aws:elasticbeanstalk:healthreporting:system", "SystemType"] == "enhanced"
    assert OPTIONS["aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs"] == "true"
    for kit in WITH_IMAGE:
        assert len(properties(kit, "AWS::CloudWatch::Alarm")) >= 3
    for kit in ("ecs", "sagemaker", "ec2-autoscaling"):
        assert all("RetentionInDays" in group for group in properties(kit, "AWS::Logs::LogGroup"))


def test_22_the_time_to_stop_is_longer_than_the_drain():
    """The budgets of --platform, in docs/operate.md: ecs and ec2 110 s, kubernetes 75 s."""
    (task,) = properties("ecs", "AWS::ECS::TaskDefinition")
    assert task["ContainerDefinitions"][0]["StopTimeout"] == 120
    assert "--stop-timeout 115" in text_of("ec2-autoscaling")
    assert "TimeoutStopSec=120" in text_of("ec2-autoscaling")
    deployment = yaml.safe_load((DEPLOY / "eks/base/deployment.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert before + 75 < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("kit", ["ecs", "ec2-autoscaling"])
def test_23_the_load_balancer_gives_up_idle_connections_before_the_server(kit):
    (balancer,) = properties(kit, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    idle = {each["Key"]: each["Value"] for each in balancer["LoadBalancerAttributes"]
            if "Key" in each}["idle_timeout.timeout_seconds"]
    known = (DEPLOY.parent / "docs/reference/configuration.md").read_text()
    keep_alive = re.search(r"`keep_alive_s` \(number\) \| `(\d+)`", known)[1]
    deadline_ms = re.search(r"`deadline_max_ms` \(number\) \| `(\d+)`", known)[1]
    assert int(deadline_ms) / 1000 < int(idle) < int(keep_alive)
