# SPDX-License-Identifier: Apache-2.0
"""What the kits of deploy/ say about time: read from their templates, so that they agree."""

import dataclasses
import re
from typing import Any

import yaml

from deploy.check import templates
from tests.process.running_server import ROOT

DEPLOY = ROOT / "deploy"

# What no template says, because the platform does not let one choose it.
DOCKER_STOP_S = 10  # Elastic Beanstalk stops its container with docker's own patience.
SAGEMAKER_STOP_S = 30
SAGEMAKER_PING_S = 2  # A ping must be answered within this.
SAGEMAKER_INTERVAL_S = 5  # Not published; the shortest that a load balancer of AWS knows.


@dataclasses.dataclass(frozen=True)
class TargetGroup:
    """How a load balancer watches its targets and lets go of them."""
    path: str
    interval_s: int
    timeout_s: int
    healthy: int
    unhealthy: int
    deregistration_s: int
    idle_s: int


@dataclasses.dataclass(frozen=True)
class Kit:
    platform: str
    group: TargetGroup
    environment: dict[str, str]
    stop_s: int  # From SIGTERM to SIGKILL.
    start_s: int  # A new instance may take so long until it is healthy.
    pre_stop_s: int = 0  # Between the decision to end a pod and SIGTERM.
    available_s: int = 0  # So long after its readiness a pod counts.
    termination_wait_s: int = 0  # The old fleet stays so long without requests.
    lifecycle_script: str = ""
    restart_s: int | None = None  # A server that died is started again on its machine after this.


def resource(content: dict[str, Any], name: str) -> dict[str, Any]:
    return content["Resources"][name]["Properties"]


def attributes(listed: list[dict[str, Any]]) -> dict[str, Any]:
    """Attributes of a load balancer or target group; those under a condition are left out."""
    return {each["Key"]: each["Value"] for each in listed if "Key" in each}


def target_group(content: dict[str, Any]) -> TargetGroup:
    group = resource(content, "TargetGroup")
    own = attributes(group["TargetGroupAttributes"])
    assert own["load_balancing.algorithm.type"] == "least_outstanding_requests", own
    balancer = attributes(resource(content, "LoadBalancer")["LoadBalancerAttributes"])
    return TargetGroup(
        path=group["HealthCheckPath"],
        interval_s=int(group["HealthCheckIntervalSeconds"]),
        timeout_s=int(group["HealthCheckTimeoutSeconds"]),
        healthy=int(group["HealthyThresholdCount"]),
        unhealthy=int(group["UnhealthyThresholdCount"]),
        deregistration_s=int(own["deregistration_delay.timeout_seconds"]),
        idle_s=int(balancer["idle_timeout.timeout_seconds"]))


STACK = "rehearsal"


def settings(variables: dict[str, Any]) -> dict[str, str]:
    """The server's variables of a kit, but for where its models lie: that is ours to say. Whatever
    refers to something is the stack's name here."""
    return {name: value if isinstance(value, str) else STACK for name, value in variables.items()
            if name.startswith("HOLDFAST_") and name != "HOLDFAST_MODEL_REPOSITORY"}


def content_of(place: str) -> dict[str, Any]:
    return templates.read((DEPLOY / place).read_text())


def ecs() -> Kit:
    content = content_of("ecs/template.yaml")
    container = resource(content, "TaskDefinition")["ContainerDefinitions"][0]
    service = resource(content, "Service")
    deployment = service["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    return Kit("ecs", target_group(content),
               settings({each["Name"]: each["Value"] for each in container["Environment"]}),
               stop_s=int(container["StopTimeout"]),
               start_s=int(service["HealthCheckGracePeriodSeconds"]))


def beanstalk() -> Kit:
    listed = resource(content_of("elastic-beanstalk/template.yaml"), "Environment")
    options = {(each["Namespace"].removeprefix("aws:"), each["OptionName"]): each["Value"]
               for each in listed["OptionSettings"]}

    def process(name: str) -> Any:
        return options["elasticbeanstalk:environment:process:default", name]
    group = TargetGroup(
        path=process("HealthCheckPath"), interval_s=int(process("HealthCheckInterval")),
        timeout_s=int(process("HealthCheckTimeout")), healthy=int(process("HealthyThresholdCount")),
        unhealthy=int(process("UnhealthyThresholdCount")),
        deregistration_s=int(process("DeregistrationDelay")),
        idle_s=int(options["elbv2:loadbalancer", "IdleTimeout"]))
    variables = {name: value for (namespace, name), value in options.items()
                 if namespace == "elasticbeanstalk:application:environment"}
    return Kit("beanstalk", group, settings(variables), stop_s=DOCKER_STOP_S,
               start_s=int(options["elasticbeanstalk:command", "Timeout"]))


def user_data() -> str:
    """The EC2 kit's script of an instance, as CloudFormation hands it out."""
    template = resource(content_of("ec2-autoscaling/template.yaml"), "LaunchTemplate")
    text = template["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"][0]
    return text.replace("${!", "${")


def written_file(script: str, path: str) -> str:
    """What the script writes to `path` by `cat >path <<'END'`."""
    found = re.search(rf"cat >{re.escape(path)} <<'END'\n(.*?)^END$", script, re.S | re.M)
    assert found, f"the user data does not write {path}"
    return found[1]


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, f"{pattern} is not there"
    return int(found[1])


def ec2() -> Kit:
    content = content_of("ec2-autoscaling/template.yaml")
    script = user_data()
    unit = written_file(script, "/etc/systemd/system/holdfast.service")
    variables = dict(re.findall(r"--env (HOLDFAST_\w+)=(\S+)", unit))
    hooks = {each["LifecycleHookName"]: each["HeartbeatTimeout"] for each in
             resource(content, "InstanceGroup")["LifecycleHookSpecificationList"]}
    return Kit("ec2", target_group(content), settings(variables),
               stop_s=number(r"docker stop --time (\d+)", unit), start_s=hooks["ready"],
               lifecycle_script=written_file(script, "/usr/local/bin/holdfast-lifecycle"),
               restart_s=number(r"RestartSec=(\d+)", unit))


def sagemaker() -> Kit:
    content = content_of("sagemaker/template.yaml")
    container = resource(content, "Model")["PrimaryContainer"]
    endpoint = resource(content, "Endpoint")["DeploymentConfig"]["Fn::If"][1]
    variant = resource(content, "EndpointConfig")["ProductionVariants"][0]
    routing = variant["RoutingConfig"]["Fn::If"][1]
    assert routing == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    wait = int(endpoint["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"])
    group = TargetGroup(path="/ping", interval_s=SAGEMAKER_INTERVAL_S, timeout_s=SAGEMAKER_PING_S,
                        healthy=2, unhealthy=2, deregistration_s=wait, idle_s=60)
    return Kit("sagemaker", group, settings(container["Environment"]), stop_s=SAGEMAKER_STOP_S,
               start_s=int(variant["ContainerStartupHealthCheckTimeoutInSeconds"]["Fn::If"][1]),
               termination_wait_s=wait)


def eks() -> Kit:
    content = yaml.safe_load((DEPLOY / "eks/base/deployment.yaml").read_text())
    pod = content["spec"]["template"]["spec"]
    container = pod["containers"][0]
    ingress = yaml.safe_load((DEPLOY / "eks/base/ingress.yaml").read_text())
    told = {key.removeprefix("alb.ingress.kubernetes.io/"): value
            for key, value in ingress["metadata"]["annotations"].items()}
    group = attributes_of_annotation(told["target-group-attributes"])
    balancer = attributes_of_annotation(told["load-balancer-attributes"])
    pre_stop = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    startup = container["startupProbe"]
    return Kit(
        "eks",
        # The controller leaves the thresholds at 2 where no annotation names them.
        TargetGroup(path=told["healthcheck-path"],
                    interval_s=int(told["healthcheck-interval-seconds"]),
                    timeout_s=int(told["healthcheck-timeout-seconds"]), healthy=2, unhealthy=2,
                    deregistration_s=int(group["deregistration_delay.timeout_seconds"]),
                    idle_s=int(balancer["idle_timeout.timeout_seconds"])),
        settings({each["name"]: each["value"] for each in container["env"]}),
        stop_s=pod["terminationGracePeriodSeconds"] - pre_stop,
        start_s=startup["periodSeconds"] * startup["failureThreshold"],
        pre_stop_s=pre_stop, available_s=content["spec"]["minReadySeconds"])


def attributes_of_annotation(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split(","))


KITS = {"ecs": ecs, "beanstalk": beanstalk, "ec2": ec2, "sagemaker": sagemaker, "eks": eks}


def shortened(kit: Kit) -> Kit:
    """The same order of events with less waiting: what CI has time for. The server's own times stay."""
    group = dataclasses.replace(kit.group, interval_s=2, timeout_s=min(2, kit.group.timeout_s),
                                deregistration_s=4)
    return dataclasses.replace(kit, group=group,
                               termination_wait_s=min(4, kit.termination_wait_s))
