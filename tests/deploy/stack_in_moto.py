# SPDX-License-Identifier: Apache-2.0
"""A kit's stack in moto, and what moto leaves out made by the services' own calls.

moto says CREATE_COMPLETE for a stack of which it has made the half. So a template is evaluated here as
well: which resources it has with these parameters, and what their properties come out as. What moto has
not made by CloudFormation is then given to the service that it is for, through boto3.
"""

import collections
import json

import boto3

from deploy.check.templates import read
from tests.deploy.evaluation import Evaluation, defaults
from tests.process.running_server import ROOT

REGION, ACCOUNT = "eu-central-1", "123456789012"  # moto's account.
STACK = "cats"
IMAGE = f"111122223333.dkr.ecr.{REGION}.amazonaws.com/holdfast@sha256:{'0' * 64}"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::StackName": STACK}

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
}


class Stack(Evaluation):
    """`made`: {logical name: physical id}, by CloudFormation or by put_rest()."""

    def __init__(self, kit, **given):
        template = read((ROOT / "deploy" / kit / "template.yaml").read_text())
        declared = template.get("Parameters", {})
        everything = {**defaults(template), **_account(), "ImageUri": IMAGE,
                      "DomainName": "cats.example.com", **given}
        parameters = {name: everything[name] for name in declared}
        for name, each in declared.items():
            if "List" in each["Type"]:
                parameters[name] = [part for part in parameters[name].split(",") if part]
        self.made = {}
        # A resource that has not been made is known by its name in the template.
        super().__init__(template, collections.ChainMap(
            self.made, parameters, PSEUDO, {name: name for name in template["Resources"]}))
        self.resources = {name: each for name, each in template["Resources"].items()
                          if "Condition" not in each or self.condition(each["Condition"])}
        # moto cannot evaluate outputs that speak of a resource which it has left out.
        text = json.dumps(_long_form({key: each for key, each in template.items() if key != "Outputs"}))
        cloudformation = boto3.client("cloudformation", REGION)
        cloudformation.create_stack(
            StackName=STACK, TemplateBody=text, Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": name,
                         "ParameterValue": ",".join(value) if isinstance(value, list) else str(value)}
                        for name, value in parameters.items()
                        if not declared[name]["Type"].startswith("AWS::SSM::")])
        listed = cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        # A resource whose condition is false is listed as well, without any name.
        self.made |= {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed
                      if each.get("LogicalResourceId") and each.get("PhysicalResourceId")}

    def of_kind(self, kind):
        """{logical name: evaluated properties}"""
        return {name: self.evaluate(each.get("Properties", {})) for name, each in self.resources.items()
                if each["Type"] == kind}


def _long_form(node):
    """!GetAtt A.B as JSON has it: a list of two."""
    if isinstance(node, list):
        return [_long_form(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {key: each.split(".", 1) if key == "Fn::GetAtt" and isinstance(each, str) else _long_form(each)
            for key, each in node.items()}


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


def lowered(node):
    """CloudFormation's names with a small first letter, as ECS's API has them."""
    if isinstance(node, list):
        return [lowered(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {name[0].lower() + name[1:]: lowered(each) for name, each in node.items()}


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
    assert set(properties) <= set(model.members)
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
