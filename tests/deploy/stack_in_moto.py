# SPDX-License-Identifier: Apache-2.0
"""A kit's stack in moto, and what moto leaves out made by the services' own calls.

moto says CREATE_COMPLETE for a stack of which it has made the half. So a template is evaluated here as
well: which resources it has with these parameters, and what their properties come out as. What moto has
not made by CloudFormation is then given to the service that it is for, through boto3.
"""

import json
import re

import boto3

from deploy.check.templates import read
from tests.process.running_server import ROOT

REGION, ACCOUNT = "eu-central-1", "123456789012"  # moto's account.
STACK = "cats"
IMAGE = f"111122223333.dkr.ecr.{REGION}.amazonaws.com/holdfast@sha256:{'0' * 64}"
NOTHING = object()  # AWS::NoValue

# Kinds that moto's CloudFormation does not make, without a word in the stack's state.
LEFT_OUT = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::AutoScaling::ScalingPolicy",
    "AWS::AutoScaling::WarmPool",
    "AWS::CloudWatch::Alarm",
    "AWS::ECS::CapacityProvider",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::ElasticBeanstalk::Application",
    "AWS::ElasticBeanstalk::ApplicationVersion",
    "AWS::ElasticBeanstalk::Environment",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
}


class Stack:
    """`made`: {logical name: physical id}, by CloudFormation or by put()."""

    def __init__(self, kit, **given):
        template = read((ROOT / "deploy" / kit / "template.yaml").read_text())
        self.content = template
        declared = template.get("Parameters", {})
        account = _account()
        everything = {**account, "ImageUri": IMAGE, "DomainName": "cats.example.com", **given}
        self._parameters = {name: each.get("Default") for name, each in declared.items()} | {
            name: value for name, value in everything.items() if name in declared}
        lacking = [name for name, value in self._parameters.items() if value is None]
        assert not lacking, f"{kit} wants {lacking}"
        for name, each in declared.items():
            if "List" in each["Type"] and isinstance(self._parameters[name], str):
                self._parameters[name] = [part for part in self._parameters[name].split(",") if part]
        self.resources = {name: each for name, each in template["Resources"].items()
                          if "Condition" not in each or self.condition(each["Condition"])}
        # moto cannot evaluate outputs that speak of a resource which it has left out.
        text = json.dumps(_long_form({key: each for key, each in template.items() if key != "Outputs"}))
        cloudformation = boto3.client("cloudformation", REGION)
        cloudformation.create_stack(
            StackName=STACK, TemplateBody=text, Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": name,
                         "ParameterValue": ",".join(value) if isinstance(value, list) else str(value)}
                        for name, value in self._parameters.items() if not _is_ssm(declared[name])])
        listed = cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        # A resource whose condition is false is listed as well, without any name.
        self.made = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed
                     if each.get("LogicalResourceId") and each.get("PhysicalResourceId")}

    def of_kind(self, kind):
        """{logical name: evaluated properties}"""
        return {name: self.evaluate(each.get("Properties", {})) for name, each in self.resources.items()
                if each["Type"] == kind}

    # --- Evaluation ---

    def condition(self, name):
        return self.evaluate(self.content["Conditions"][name])

    def evaluate(self, node):
        if isinstance(node, list):
            return [value for each in node if (value := self.evaluate(each)) is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if name.startswith("Fn::"):
                return getattr(self, "_" + name[4:].lower())(argument)
        return {key: value for key, each in node.items()
                if (value := self.evaluate(each)) is not NOTHING}

    def _ref(self, name):
        pseudo = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws",
                  "AWS::StackName": STACK, "AWS::NoValue": NOTHING}
        if name in pseudo:
            return pseudo[name]
        if name in self._parameters:
            return self._parameters[name]
        return self.made.get(name, name)

    def _getatt(self, path):
        name, _, attribute = (path if isinstance(path, str) else ".".join(path)).partition(".")
        physical = self.made.get(name, name)
        if attribute.endswith("FullName"):
            return physical.split("/", 1)[-1]
        return physical

    def _sub(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})
        own = {name: self.evaluate(each) for name, each in own.items()}

        def value(match):
            name = match[1]
            if name in own:
                return str(own[name])
            return str(self._getatt(name) if "." in name else self._ref(name))
        return re.sub(r"\$\{([^}!]+)\}", value, text)

    def _if(self, argument):
        return self.evaluate(argument[1] if self.condition(argument[0]) else argument[2])

    def _equals(self, argument):
        left, right = (str(self.evaluate(each)) for each in argument)
        return left == right or {left, right} == {"", "[]"}

    def _not(self, argument):
        return not self.evaluate(argument[0])

    def _and(self, argument):
        return all(self.evaluate(each) for each in argument)

    def _or(self, argument):
        return any(self.evaluate(each) for each in argument)

    def _join(self, argument):
        return argument[0].join(str(each) for each in self.evaluate(argument[1]))

    def _findinmap(self, argument):
        name, first, second = (self.evaluate(each) for each in argument)
        return self.content["Mappings"][name][str(first)][second]

    def _select(self, argument):
        return self.evaluate(argument[1])[int(argument[0])]

    def _base64(self, argument):
        return self.evaluate(argument)


def _long_form(node):
    """!GetAtt A.B as JSON has it: a list of two."""
    if isinstance(node, list):
        return [_long_form(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: each.split(".", 1) if key == "Fn::GetAtt" and isinstance(each, str) else _long_form(each)
            for key, each in node.items()}


def _is_ssm(declared):
    return declared["Type"].startswith("AWS::SSM::")


def _account():
    """A network of its own, made by the kit for it, and a certificate."""
    cloudformation = boto3.client("cloudformation", REGION)
    cloudformation.create_stack(
        StackName="net", TemplateBody=(ROOT / "deploy/network/template.yaml").read_text(),
        Parameters=[{"ParameterKey": "For", "ParameterValue": "ecs-ec2"}])
    (network,) = cloudformation.describe_stacks(StackName="net")["Stacks"]
    found = {each["OutputKey"]: each["OutputValue"] for each in network["Outputs"]}
    certificate = boto3.client("acm", REGION).request_certificate(DomainName="cats.example.com")
    return {**found, "CertificateArn": certificate["CertificateArn"]}


# --- What moto leaves out, by the services' own calls ---

def put_rest(stack):
    """Gives the services what LEFT_OUT says; each call is checked by botocore and by moto."""
    for kind, put in PUTS:
        for name, properties in stack.of_kind(kind).items():
            put(stack, name, properties)


def lowered(node, only=None):
    """CloudFormation's names with a small first letter, as ECS's API has them."""
    if isinstance(node, list):
        return [lowered(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {name[0].lower() + name[1:]: lowered(each) for name, each in node.items()
            if only is None or name in only}


def numbers(properties, *names):
    return properties | {name: int(properties[name]) for name in names if name in properties}


def _put_alarm(stack, name, properties):
    boto3.client("cloudwatch", REGION).put_metric_alarm(
        **{"AlarmName": f"{STACK}-{name}", **properties, "Threshold": float(properties["Threshold"])})


def _put_filter(stack, name, properties):
    transformations = [lowered(each) | {"metricValue": str(each["MetricValue"])}
                       for each in properties["MetricTransformations"]]
    boto3.client("logs", REGION).put_metric_filter(
        logGroupName=properties["LogGroupName"], filterName=f"{STACK}-{name}",
        filterPattern=properties["FilterPattern"], metricTransformations=transformations)


def _put_target(stack, name, properties):
    if properties["ServiceNamespace"] == "ecs":  # service/CLUSTER/SERVICE, by their names.
        cluster, service = (stack.made[each].rsplit("/", 1)[-1] for each in ("Cluster", "Service"))
        properties = properties | {"ResourceId": f"service/{cluster}/{service}"}
    else:  # moto gives an endpoint a name of its own.
        endpoint = stack.made["Endpoint"].rsplit("/", 1)[-1]
        properties = properties | {"ResourceId": f"endpoint/{endpoint}/variant/AllTraffic"}
    scaling = boto3.client("application-autoscaling", REGION)
    scaling.register_scalable_target(**numbers(properties, "MinCapacity", "MaxCapacity"))
    stack.target = {key: properties[key] for key in ("ServiceNamespace", "ScalableDimension", "ResourceId")}


def _put_target_policy(stack, name, properties):
    wanted = {key: each for key, each in properties.items() if key != "ScalingTargetId"}
    tracking = wanted.get("TargetTrackingScalingPolicyConfiguration")
    if tracking:
        tracking["TargetValue"] = float(tracking["TargetValue"])
    boto3.client("application-autoscaling", REGION).put_scaling_policy(**stack.target, **{
        "PolicyName": name, **wanted})


def _put_group_policy(stack, name, properties):
    tracking = properties["TargetTrackingConfiguration"]
    tracking["TargetValue"] = float(tracking["TargetValue"])
    boto3.client("autoscaling", REGION).put_scaling_policy(**{"PolicyName": name, **properties})


def _put_warm_pool(stack, name, properties):
    boto3.client("autoscaling", REGION).put_warm_pool(**numbers(properties, "MinSize"))


def _put_capacity(stack, name, properties):
    group = boto3.client("autoscaling", REGION).describe_auto_scaling_groups(
        AutoScalingGroupNames=[stack.made["InstanceGroup"]])["AutoScalingGroups"][0]
    provider = lowered(properties["AutoScalingGroupProvider"])
    provider["autoScalingGroupArn"] = group["AutoScalingGroupARN"]
    boto3.client("ecs", REGION).create_capacity_provider(
        name=name, autoScalingGroupProvider=provider)
    stack.made[name] = name


def _put_cluster_capacity(stack, name, properties):
    boto3.client("ecs", REGION).put_cluster_capacity_providers(
        cluster=properties["Cluster"], capacityProviders=properties["CapacityProviders"],
        defaultCapacityProviderStrategy=lowered(properties["DefaultCapacityProviderStrategy"]))


def _put_application(stack, name, properties):
    application = properties.get("ApplicationName", STACK)
    boto3.client("elasticbeanstalk", REGION).create_application(ApplicationName=application)
    stack.made[name] = application


def _put_version(stack, name, properties):
    # moto knows no versions of applications; botocore's model is held against the call all the same.
    client = boto3.client("elasticbeanstalk", REGION)
    model = client.meta.service_model.operation_model("CreateApplicationVersion").input_shape
    assert set(properties) <= set(model.members) | {"SourceBundle"}
    stack.made[name] = name


def _put_environment(stack, name, properties):
    settings = [each | {"Value": str(each["Value"])} for each in properties["OptionSettings"]]
    made = boto3.client("elasticbeanstalk", REGION).create_environment(
        ApplicationName=properties["ApplicationName"], EnvironmentName=STACK,
        SolutionStackName=properties["SolutionStackName"], OptionSettings=settings)
    stack.made[name] = made["EnvironmentName"]


PUTS = [
    ("AWS::Logs::MetricFilter", _put_filter),
    ("AWS::CloudWatch::Alarm", _put_alarm),
    ("AWS::AutoScaling::ScalingPolicy", _put_group_policy),
    ("AWS::AutoScaling::WarmPool", _put_warm_pool),
    ("AWS::ECS::CapacityProvider", _put_capacity),
    ("AWS::ECS::ClusterCapacityProviderAssociations", _put_cluster_capacity),
    ("AWS::ApplicationAutoScaling::ScalableTarget", _put_target),
    ("AWS::ApplicationAutoScaling::ScalingPolicy", _put_target_policy),
    ("AWS::ElasticBeanstalk::Application", _put_application),
    ("AWS::ElasticBeanstalk::ApplicationVersion", _put_version),
    ("AWS::ElasticBeanstalk::Environment", _put_environment),
]
