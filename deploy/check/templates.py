# SPDX-License-Identifier: Apache-2.0
"""Holds templates against botocore's models of the services and the tables of ranges.py.

    python3 -m deploy.check.templates TEMPLATE.yaml...

It looks for what cfn-lint does not know: enumerations and ranges of the APIs behind a template, the
options of Elastic Beanstalk, attributes of load balancers and target groups. A parameter counts with
its default and its permitted values, a condition with both of its sides. Exit code 1: problems.
"""

import functools
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import botocore.session
import yaml

from deploy.check import ranges

TEMPLATE_BYTES_MAX = 51200  # What CloudFormation takes without a bucket.
# The shape of an API that a resource's properties become.
SHAPES = {
    "AWS::SageMaker::Model": ("sagemaker", "CreateModelInput"),
    "AWS::SageMaker::EndpointConfig": ("sagemaker", "CreateEndpointConfigInput"),
    "AWS::SageMaker::Endpoint": ("sagemaker", "CreateEndpointInput"),
    "AWS::ECS::TaskDefinition": ("ecs", "RegisterTaskDefinitionRequest"),
    "AWS::ECS::Service": ("ecs", "CreateServiceRequest"),
    "AWS::ECS::CapacityProvider": ("ecs", "CreateCapacityProviderRequest"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("elbv2", "CreateLoadBalancerInput"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("elbv2", "CreateTargetGroupInput"),
    "AWS::ElasticLoadBalancingV2::Listener": ("elbv2", "CreateListenerInput"),
    "AWS::AutoScaling::AutoScalingGroup": ("autoscaling", "CreateAutoScalingGroupType"),
    "AWS::AutoScaling::ScalingPolicy": ("autoscaling", "PutScalingPolicyType"),
    "AWS::AutoScaling::WarmPool": ("autoscaling", "PutWarmPoolType"),
    "AWS::ApplicationAutoScaling::ScalableTarget": ("application-autoscaling",
                                                    "RegisterScalableTargetRequest"),
    "AWS::ApplicationAutoScaling::ScalingPolicy": ("application-autoscaling",
                                                   "PutScalingPolicyRequest"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "PutMetricAlarmInput"),
}


class Loader(yaml.SafeLoader):
    """Reads !Ref and !If as {"Ref": …} and {"Fn::If": …}."""


def _tagged(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _tagged)


def read(text: str) -> dict[str, Any]:
    return yaml.load(text, Loader)


@functools.cache
def _service(name: str) -> Any:
    return botocore.session.get_session().get_service_model(name)


class Template:
    def __init__(self, text: str):
        self.text = text
        self.content = read(text)
        self.parameters = self.content.get("Parameters", {})

    def resources(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self.content["Resources"].items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})

    def values(self, node: Any) -> list[Any]:
        """What a property can come out as, as far as the template alone says."""
        if not isinstance(node, dict):
            return [node]
        if "Ref" in node:
            parameter = self.parameters.get(node["Ref"], {})
            known = [*parameter.get("AllowedValues", [])]
            return known or ([parameter["Default"]] if "Default" in parameter else [])
        if "Fn::If" in node:
            return [value for side in node["Fn::If"][1:] for value in self.values(side)]
        if any(key.startswith("Fn::") for key in node):
            return []
        return [node]

    def items(self, node: Any) -> list[Any]:
        """All members that a list can have."""
        return [value for side in self.values(node) if isinstance(side, list)
                for item in side for value in self.values(item)]

    def problems(self) -> list[str]:
        found = []
        if len(self.text.encode()) > TEMPLATE_BYTES_MAX:
            found.append(f"{len(self.text.encode())} bytes; CloudFormation takes "
                         f"{TEMPLATE_BYTES_MAX}")
        for name, resource in self.content["Resources"].items():
            if shape := SHAPES.get(resource["Type"]):
                model = _service(shape[0]).shape_for(shape[1])
                found += self._against(model, resource.get("Properties", {}), name)
        for check in (self._beanstalk, self._balancing, self._tasks, self._scaling, self._rollout):
            found += check()
        return found

    def _against(self, shape: Any, node: Any, place: str) -> Iterator[str]:
        for value in self.values(node):
            if shape.type_name == "structure" and isinstance(value, dict):
                members = {name.lower(): member for name, member in shape.members.items()}
                for key, inner in value.items():
                    if member := members.get(key.lower()):
                        yield from self._against(member, inner, f"{place}.{key}")
            elif shape.type_name == "list" and isinstance(value, list):
                for item in value:
                    yield from self._against(shape.member, item, place)
            elif not isinstance(value, (dict, list)):
                yield from self._leaf(shape, value, place)

    def _leaf(self, shape: Any, value: Any, place: str) -> Iterator[str]:
        if (known := getattr(shape, "enum", None)) and str(value) not in known:
            yield f"{place} is {value}, which the API does not know"
        if shape.type_name in ("integer", "long", "float", "double"):
            limits = (shape.metadata.get("min", float("-inf")),
                      shape.metadata.get("max", float("inf")))
            if wrong := ranges.problem(place, value, limits):
                yield wrong

    def _beanstalk(self) -> Iterator[str]:
        for _, environment in self.resources("AWS::ElasticBeanstalk::Environment"):
            settings = [(each["Namespace"], each["OptionName"], value)
                        for each in environment["OptionSettings"]
                        for value in self.values(each["Value"]) or [None]]
            yield from option_problems(settings)

    def _balancing(self) -> Iterator[str]:
        for kind, key, table in (
                ("TargetGroup", "TargetGroupAttributes", ranges.TARGET_GROUP_ATTRIBUTES),
                ("LoadBalancer", "LoadBalancerAttributes", ranges.LOAD_BALANCER_ATTRIBUTES)):
            for name, properties in self.resources(f"AWS::ElasticLoadBalancingV2::{kind}"):
                for each in self.items(properties.get(key, [])):
                    if "Key" not in each:
                        continue
                    if each["Key"] not in table:
                        yield f"{name}: there is no attribute {each['Key']}"
                        continue
                    for value in self.values(each["Value"]):
                        if wrong := ranges.problem(each["Key"], value, table[each["Key"]]):
                            yield f"{name}: {wrong}"
        for name, group in self.resources("AWS::ElasticLoadBalancingV2::TargetGroup"):
            if group["HealthCheckTimeoutSeconds"] >= group["HealthCheckIntervalSeconds"]:
                yield f"{name}: the health check's timeout is not below its interval"
            if wrong := ranges.problem("Matcher", group["Matcher"]["HttpCode"], (200, 499)):
                yield f"{name}: {wrong}"

    def _tasks(self) -> Iterator[str]:
        for name, task in self.resources("AWS::ECS::TaskDefinition"):
            for container in task["ContainerDefinitions"]:
                if wrong := ranges.problem("StopTimeout", container["StopTimeout"],
                                           ranges.STOP_TIMEOUT):
                    yield f"{name}: {wrong}"
                for key, permitted in ranges.CONTAINER_HEALTH.items():
                    if wrong := ranges.problem(key, container["HealthCheck"][key], permitted):
                        yield f"{name}: health check: {wrong}"
        for size, pair in self.content.get("Mappings", {}).get("Sizes", {}).items():
            permitted = ranges.FARGATE_MEMORY.get(pair["Cpu"])
            if permitted is None:
                yield f"{size}: Fargate has no {pair['Cpu']} CPU units"
            elif wrong := ranges.problem("memory", pair["Memory"], permitted):
                yield f"{size}: {wrong}"

    def _scaling(self) -> Iterator[str]:
        for name, target in self.resources("AWS::ApplicationAutoScaling::ScalableTarget"):
            if not target["ScalableDimension"].startswith(target["ServiceNamespace"] + ":"):
                yield f"{name}: {target['ScalableDimension']} is none of {target['ServiceNamespace']}"
            lowest = [int(value) for value in self.values(target["MinCapacity"])]
            highest = [int(value) for value in self.values(target["MaxCapacity"])]
            if lowest and highest and min(lowest) > max(highest):
                yield f"{name}: the minimum is above the maximum"

    def _rollout(self) -> Iterator[str]:
        for name, endpoint in self.resources("AWS::SageMaker::Endpoint"):
            for config in self.values(endpoint.get("DeploymentConfig", {})):
                policy = config.get("BlueGreenUpdatePolicy")
                if not policy:
                    continue
                waits = (policy["TerminationWaitInSeconds"] +
                         policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"])
                if policy["MaximumExecutionTimeoutInSeconds"] <= waits:
                    yield f"{name}: the time for an update is not above the sum of its waits"


def option_problems(settings: list[tuple[str, str, Any]]) -> Iterator[str]:
    """Elastic Beanstalk's options: (namespace, name, value); value None is not known yet."""
    for namespace, name, value in settings:
        if namespace not in ranges.BEANSTALK:
            yield f"there is no namespace {namespace}"
            continue
        options = ranges.BEANSTALK[namespace]
        if options is None:
            continue
        if name not in options:
            yield f"{namespace} has no option {name}"
        elif value is not None:
            if wrong := ranges.problem(name, value, options[name]):
                yield f"{namespace}: {wrong}"


def main() -> int:
    found = [f"{name}: {problem}" for name in sys.argv[1:]
             for problem in Template(pathlib.Path(name).read_text()).problems()]
    print("\n".join(found) if found else "templates: as the services take them")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
