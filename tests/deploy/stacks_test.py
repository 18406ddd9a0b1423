# SPDX-License-Identifier: Apache-2.0
"""Each kit as a stack in moto, asked through the services' own calls for what the kit promises."""

import json

import boto3
import pytest
from moto import mock_aws

from tests.deploy.stack_in_moto import LEFT_OUT, PUTS, REGION, STACK, Stack, put_rest

BEANSTALK = {"SourceBucket": "bundles", "SourceKey": "bundle.zip",
             "SolutionStack": "64bit Amazon Linux 2023 v4.5.0 running Docker"}
TOPIC = f"arn:aws:sns:{REGION}:123456789012:on-call"
# moto's list of SageMaker's instance types is older than the kit's default.
SAGEMAKER = {"InstanceType": "ml.c5.xlarge"}
CASES = {
    "ecs on Fargate": ("ecs", {"AlarmTopic": TOPIC}),
    "ecs on Fargate Spot": ("ecs", {"Capacity": "FARGATE_SPOT", "ModelFileSystem": "fs-0123"}),
    "ecs on EC2": ("ecs", {"Capacity": "EC2", "Size": "4cpu-8gb"}),
    "sagemaker": ("sagemaker", {**SAGEMAKER, "AlarmTopic": TOPIC}),
    "sagemaker, several models": ("sagemaker", {
        **SAGEMAKER, "Models": "several", "ModelBucket": "models", "ModelKey": "fleet/",
        "ModelRepository": "none"}),
    "sagemaker, asynchronous": ("sagemaker", {**SAGEMAKER, "Mode": "async", "AsyncBucket": "answers"}),
    "sagemaker, serverless": ("sagemaker", {"Mode": "serverless"}),
    "ec2-autoscaling": ("ec2-autoscaling", {"WarmInstances": 1, "AlarmTopic": TOPIC}),
    "ec2-autoscaling on Spot": ("ec2-autoscaling", {"Capacity": "SPOT", "ModelBucket": "models"}),
    "elastic-beanstalk": ("elastic-beanstalk", BEANSTALK),
}


@pytest.fixture(scope="module")
def stack(request):
    kit, given = CASES[request.param]
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        with pytest.warns(UserWarning, match="not supported by moto"):
            made = Stack(kit, **given)
        made.by_cloudformation = dict(made.made)
        put_rest(made)
        yield made


def of(*names):
    return pytest.mark.parametrize("stack", names, indirect=True, scope="module")


all_cases = of(*CASES)
on_ecs = of(*(name for name, (kit, _) in CASES.items() if kit == "ecs"))


def client(service):
    return boto3.client(service, REGION)


# --- No false green ---

@all_cases
def test_a_resource_is_made_or_written_down_as_left_out(stack):
    for name, resource in stack.resources.items():
        if resource["Type"] in LEFT_OUT:
            assert name not in stack.by_cloudformation, (
                f"moto makes {resource['Type']} now: take it from the list")
        else:
            assert stack.by_cloudformation.get(name), f"{name} was left out in silence"
    assert set(stack.by_cloudformation) <= set(stack.resources)


def test_what_is_left_out_is_put_by_the_services_own_calls():
    assert {kind for kind, _ in PUTS} == LEFT_OUT


# --- What every kit promises ---

@all_cases
def test_the_alarms_are_there_and_know_what_to_do_without_data(stack):
    # Target tracking has made some more, of its own.
    alarms = {each["AlarmName"]: each for each in client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"{STACK}-")["MetricAlarms"]}
    wanted = stack.of_kind("AWS::CloudWatch::Alarm")
    assert len(alarms) == len(wanted) >= 3
    for alarm in alarms.values():
        # Whether anybody waits is said only where somebody does: without data it stays as it is.
        permitted = ("missing",) if "WakeUp" in alarm["AlarmName"] else ("notBreaching", "breaching", "ignore")
        assert alarm["TreatMissingData"] in permitted
        assert (TOPIC in alarm["AlarmActions"]) == bool(stack.evaluate({"Ref": "AlarmTopic"}))


@all_cases
def test_logs_end(stack):
    if "LogGroup" not in stack.resources:
        pytest.skip("Beanstalk makes the log groups itself, by an option")
    (group,) = client("logs").describe_log_groups(
        logGroupNamePrefix=stack.made["LogGroup"])["logGroups"]
    assert group["retentionInDays"] == 30
    filters = client("logs").describe_metric_filters(logGroupName=group["logGroupName"])["metricFilters"]
    assert len(filters) == len(stack.of_kind("AWS::Logs::MetricFilter")) == 2
    events = {text.split('"')[1] for text in (each["filterPattern"] for each in filters) if '"' in text}
    assert events


@all_cases
def test_no_role_may_do_everything(stack):
    seen = 0
    for name, role in stack.of_kind("AWS::IAM::Role").items():
        attached = client("iam").list_role_policies(RoleName=stack.made[name])["PolicyNames"]
        assert attached == [policy["PolicyName"] for policy in role.get("Policies", [])]
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                seen += 1
                actions = statement["Action"]
                for action in [actions] if isinstance(actions, str) else actions:
                    assert not action.endswith(":*") and action != "*", (role, action)
                    if action.startswith(("s3:", "dynamodb:", "iam:", "ssm:")):
                        assert statement["Resource"] != "*", (role, action)
    assert seen


@all_cases
def test_servers_hear_the_load_balancer_alone(stack):
    if "ServerSecurityGroup" not in stack.made:
        pytest.skip("SageMaker's and Beanstalk's own")
    (group,) = client("ec2").describe_security_groups(
        GroupIds=[stack.made["ServerSecurityGroup"]])["SecurityGroups"]
    (ingress,) = group["IpPermissions"]
    assert (ingress["FromPort"], ingress["ToPort"]) == (8080, 8080) and not ingress["IpRanges"]
    assert [pair["GroupId"] for pair in ingress["UserIdGroupPairs"]] == [
        stack.made["LoadBalancerSecurityGroup"]]


@of("ecs on Fargate", "ec2-autoscaling")
def test_the_load_balancer_speaks_tls_and_checks_readiness(stack):
    elb = client("elbv2")
    (group,) = elb.describe_target_groups(TargetGroupArns=[stack.made["TargetGroup"]])["TargetGroups"]
    assert (group["HealthCheckPath"], group["Port"], group["Matcher"]) == (
        "/healthz", 8080, {"HttpCode": "200"})
    assert group["HealthCheckTimeoutSeconds"] < group["HealthCheckIntervalSeconds"]
    listeners = {each["Port"]: each for each in elb.describe_listeners(
        LoadBalancerArn=stack.made["LoadBalancer"])["Listeners"]}
    assert listeners[443]["Protocol"] == "HTTPS" and listeners[443]["Certificates"]
    assert listeners[443]["DefaultActions"][0]["TargetGroupArn"] == stack.made["TargetGroup"]
    assert listeners[80]["DefaultActions"][0]["RedirectConfig"]["StatusCode"] == "HTTP_301"
    # moto drops attributes that come with a template: the service's own call takes and keeps them.
    (wanted,) = stack.of_kind("AWS::ElasticLoadBalancingV2::TargetGroup").values()
    elb.modify_target_group_attributes(TargetGroupArn=stack.made["TargetGroup"],
                                       Attributes=wanted["TargetGroupAttributes"])
    kept = {each["Key"]: each["Value"] for each in elb.describe_target_group_attributes(
        TargetGroupArn=stack.made["TargetGroup"])["Attributes"]}
    assert kept["load_balancing.algorithm.type"] == "least_outstanding_requests"
    assert kept["stickiness.enabled"] == "false"
    (wanted,) = stack.of_kind("AWS::ElasticLoadBalancingV2::LoadBalancer").values()
    elb.modify_load_balancer_attributes(LoadBalancerArn=stack.made["LoadBalancer"],
                                        Attributes=wanted["LoadBalancerAttributes"])
    kept = {each["Key"]: each["Value"] for each in elb.describe_load_balancer_attributes(
        LoadBalancerArn=stack.made["LoadBalancer"])["Attributes"]}
    assert kept["idle_timeout.timeout_seconds"] == "60"


# --- ECS ---

@on_ecs
def test_a_task_is_confined_and_has_time_to_drain(stack):
    task = client("ecs").describe_task_definition(taskDefinition=STACK)["taskDefinition"]
    (container,) = task["containerDefinitions"]
    assert container["command"] == ["serve"] and container["image"].endswith("0" * 64)
    assert container["readonlyRootFilesystem"] and container["stopTimeout"] == 120
    assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert container["healthCheck"]["command"] == ["CMD", "/usr/local/bin/holdfast", "healthcheck"]
    assert container["logConfiguration"]["options"]["awslogs-group"] == f"/holdfast/{STACK}"
    on_ec2 = stack.condition("OnEc2")
    (wanted,) = stack.of_kind("AWS::ECS::TaskDefinition").values()  # moto forgets it.
    assert wanted["RequiresCompatibilities"] == (["EC2"] if on_ec2 else ["FARGATE"])
    assert (wanted["Cpu"], wanted["Memory"]) == (("4096", "8192") if on_ec2 else ("2048", "4096"))
    assert bool(task.get("volumes")) == bool(container.get("mountPoints")) == stack.condition("HasFileSystem")


@on_ecs
def test_tasks_scale_with_the_cpu_from_one_to_ten(stack):
    scaling = client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 10)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    assert tracking["TargetValue"] == 60


@of("ecs on EC2")
def test_a_capacity_provider_scales_the_instances(stack):
    (cluster,) = client("ecs").describe_clusters(clusters=[stack.made["Cluster"]])["clusters"]
    assert cluster["capacityProviders"] == ["Ec2Capacity"]
    (provider,) = client("ecs").describe_capacity_providers(
        capacityProviders=["Ec2Capacity"])["capacityProviders"]
    assert provider["autoScalingGroupProvider"]["managedScaling"]["status"] == "ENABLED"
    assert provider["autoScalingGroupProvider"]["managedDraining"] == "ENABLED"


# --- SageMaker ---

def variant_of(stack):
    sagemaker = client("sagemaker")
    config = sagemaker.describe_endpoint_config(
        EndpointConfigName=stack.made["EndpointConfig"].rsplit("/", 1)[-1])
    (variant,) = config["ProductionVariants"]
    return config, variant


@of("sagemaker")
def test_an_endpoint_scales_with_its_requests(stack):
    _, variant = variant_of(stack)
    assert variant["InstanceType"] == "ml.c5.xlarge" and variant["InitialInstanceCount"] == 1
    model = client("sagemaker").describe_model(ModelName=variant["ModelName"])
    assert model["PrimaryContainer"]["Environment"]["HOLDFAST_PLATFORM"] == "sagemaker"
    assert "ModelDataUrl" not in model["PrimaryContainer"]
    scaling = client("application-autoscaling")
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["PredefinedMetricSpecification"]["PredefinedMetricType"] == (
        "SageMakerVariantConcurrentRequestsPerModelHighResolution")


@of("sagemaker, several models")
def test_several_models_come_from_a_prefix(stack):
    _, variant = variant_of(stack)
    container = client("sagemaker").describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]
    assert container["Mode"] == "MultiModel" and container["ModelDataUrl"] == "s3://models/fleet/"


@of("sagemaker, asynchronous")
def test_an_asynchronous_endpoint_wakes_up_from_none(stack):
    config, _ = variant_of(stack)
    assert config["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"] == "s3://answers/async/answers"
    scaling = client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["MinCapacity"] == 0
    policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert {each["PolicyType"] for each in policies} == {"TargetTrackingScaling", "StepScaling"}


@of("sagemaker, serverless")
def test_a_serverless_endpoint_has_no_instances(stack):
    _, variant = variant_of(stack)
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 20}
    assert "InstanceType" not in variant
    assert "AWS::ApplicationAutoScaling::ScalableTarget" not in {
        each["Type"] for each in stack.resources.values()}


# --- EC2 ---

@of("ec2-autoscaling", "ec2-autoscaling on Spot")
def test_the_group_replaces_what_does_not_answer(stack):
    (group,) = client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[STACK])["AutoScalingGroups"]
    assert group["HealthCheckType"] == "ELB" and (group["MinSize"], group["MaxSize"]) == (1, 10)
    assert group["TargetGroupARNs"] == [stack.made["TargetGroup"]]
    # moto drops hooks that come with a group: the service's own call takes and keeps them.
    (wanted,) = stack.of_kind("AWS::AutoScaling::AutoScalingGroup").values()
    for hook in wanted["LifecycleHookSpecificationList"]:
        client("autoscaling").put_lifecycle_hook(AutoScalingGroupName=STACK, **hook)
    hooks = {each["LifecycleTransition"].rsplit("_", 1)[-1]: each["DefaultResult"] for each in
             client("autoscaling").describe_lifecycle_hooks(AutoScalingGroupName=STACK)["LifecycleHooks"]}
    assert hooks == {"LAUNCHING": "ABANDON", "TERMINATING": "CONTINUE"}
    (policy,) = client("autoscaling").describe_policies(AutoScalingGroupName=STACK)["ScalingPolicies"]
    assert policy["TargetTrackingConfiguration"]["TargetValue"] == 55


@of("ec2-autoscaling")
def test_an_instance_asks_metadata_with_a_token_and_its_disk_is_encrypted(stack):
    versions = client("ec2").describe_launch_template_versions(
        LaunchTemplateId=stack.made["LaunchTemplate"])["LaunchTemplateVersions"]
    data = versions[0]["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert all(disk["Ebs"]["Encrypted"] for disk in data["BlockDeviceMappings"])
    pool = client("autoscaling").describe_warm_pool(AutoScalingGroupName=STACK)
    assert pool["WarmPoolConfiguration"]["MinSize"] == 1
    assert pool["WarmPoolConfiguration"]["PoolState"] == "Stopped"


# --- Elastic Beanstalk ---

@of("elastic-beanstalk")
def test_an_environment_is_made_with_the_kits_options(stack):
    (environment,) = client("elasticbeanstalk").describe_environments()["Environments"]
    assert environment["EnvironmentName"] == STACK
    assert environment["ApplicationName"] == stack.made["Application"]
    (properties,) = stack.of_kind("AWS::ElasticBeanstalk::Environment").values()
    assert properties["SolutionStackName"] == BEANSTALK["SolutionStack"]  # moto forgets it.
    options = {(each["Namespace"], each["OptionName"]): str(each["Value"])
               for each in properties["OptionSettings"]}
    assert options["aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"] == "/healthz"
    assert options["aws:ec2:vpc", "Subnets"].count("subnet-") == 2
    json.loads(options["aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"])
