# SPDX-License-Identifier: Apache-2.0
"""Dashboard, alarms, queries and runbook speak of what the servers say, and CloudWatch's calls take them."""

import json
import re

import boto3
import pytest
from moto import mock_aws

from deploy.check.templates import read
from tests.deploy.evaluation import Evaluation, defaults
from tests.process.running_server import ROOT

TEXT = (ROOT / "deploy/observability/template.yaml").read_text()
CONTENT = read(TEXT)
RESOURCES = CONTENT["Resources"]
ALARMS = {name: entry["Properties"] for name, entry in RESOURCES.items() if entry["Type"] == "AWS::CloudWatch::Alarm"}
QUERIES = {name: entry["Properties"]["QueryString"] for name, entry in RESOURCES.items()
           if entry["Type"] == "AWS::Logs::QueryDefinition"}
VALUES = {"Service": "cats", "Model": "resnet50", "LogGroupName": "/holdfast/cats", "LatencyMs": 1000, "BusyRatio": 0.85,
          "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:on-call", "AWS::Region": "us-east-1",
          "LoadBalancerFullName": "app/cats/0123456789abcdef", "AutoScalingGroupName": "cats", "AWS::StackName": "cats-watch"}
OF_AWS = {"AWS/Logs": {"EMFParsingErrors", "EMFValidationErrors"},
          "AWS/ApplicationELB": {"HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count", "RequestCount"},
          "AWS/AutoScaling": {"GroupInServiceInstances", "GroupDesiredCapacity"}}


# What a stack would make of it, with everything that may be left out given.
resolved = Evaluation(CONTENT, {**defaults(CONTENT), **VALUES}).evaluate


def documented_metrics():
    """{(name, dimensions)} of docs/reference/cloudwatch.md."""
    found = set()
    for name, scopes in re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]+) \|",
                                   (ROOT / "docs/reference/cloudwatch.md").read_text(), re.MULTILINE):
        for scope in scopes.split(", "):
            found.add((name, ("Service", "Model") if scope.strip() == "model" else ("Service",)))
    return found


def fields_of(event):
    rows = re.findall(rf"^\| `{event}` \| [^|]* \| ([^|]*) \|", (ROOT / "docs/reference/logs.md").read_text(), re.MULTILINE)
    assert rows, f"no event {event} is documented"
    return {field for row in rows for field in re.findall(r"`(\w+)`", row)}


def widgets():
    return json.loads(resolved(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]))["widgets"]


def metrics_of(alarm):
    properties = resolved(alarm)
    stats = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", []) if "MetricStat" in each] or [properties]
    for metric in stats:
        yield (metric["Namespace"], metric["MetricName"], tuple(entry["Name"] for entry in metric["Dimensions"]))


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarms_metrics_are_ones_that_exist(name):
    for namespace, metric, dimensions in metrics_of(ALARMS[name]):
        if namespace == "Holdfast":
            assert (metric, dimensions) in documented_metrics()
        else:
            assert metric in OF_AWS[namespace]


def test_every_loss_raises_an_alarm():
    assert {metric for _, metric, _ in metrics_of(ALARMS["LossAlarm"])} == {"Lost", "GatewayRestarts"}
    assert ALARMS["LossAlarm"]["Threshold"] == 0 and ALARMS["LossAlarm"]["EvaluationPeriods"] == 1


def test_the_dashboard_shows_metrics_that_exist_within_its_limits():
    shown = 0
    for widget in widgets():
        assert 0 <= widget["x"] and widget["x"] + widget["width"] <= 24
        for metric in widget["properties"].get("metrics", []):
            words = [word for word in metric if isinstance(word, str)]
            namespace, name, dimensions = words[0], words[1], tuple(words[2::2])
            assert (name, dimensions) in documented_metrics() if namespace == "Holdfast" else name in OF_AWS[namespace]
            shown += 1
        assert len(widget["properties"].get("metrics", [])) <= 500
    assert shown >= 20 and len(widgets()) <= 500


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_fields_that_exist(name):
    query = QUERIES[name]
    event = re.search(r'event = "([\w-]+)"', query)
    known = {"timestamp", "message", "level", "role", "event", "time"} | (fields_of(event.group(1)) if event else set())
    words = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b|\bmodel\b|\bcause\b|\bstatus\b|\breason\b|\bexit\b", query))
    assert words <= known, words - known


@mock_aws
def test_cloudwatch_takes_the_alarms_and_the_dashboard(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    cloudwatch = boto3.client("cloudwatch", region_name="us-east-1")
    for name, properties in ALARMS.items():
        cloudwatch.put_metric_alarm(AlarmName=name, **resolved(properties))
    taken = {alarm["AlarmName"]: alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert set(taken) == set(ALARMS)
    for name, alarm in taken.items():
        properties = resolved(ALARMS[name])
        assert alarm["TreatMissingData"] == properties["TreatMissingData"], "a metric that is missing must not surprise"
        assert alarm["AlarmActions"] == [VALUES["AlarmTopic"]] and alarm["Threshold"] == properties["Threshold"]
    cloudwatch.put_dashboard(DashboardName="cats-watch", DashboardBody=json.dumps({"widgets": widgets()}))
    assert json.loads(cloudwatch.get_dashboard(DashboardName="cats-watch")["DashboardBody"])["widgets"] == widgets()


def test_each_alarm_has_its_section_in_the_runbook():
    text = (ROOT / "docs/runbook.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(ALARMS)
    for section in sections.values():
        assert "**Means**" in section and "**Look at**" in section and "**Do" in section
    # What it tells one to look for can be found.
    for event in ("gateway-died", "drain-timeout", "model-refused", "crash-budget-spent", "giving-up", "model-does-not-fit", "request"):
        assert f"`{event}`" in text and fields_of(event)
    reasons = (ROOT / "api/errors.md").read_text()
    for reason in re.findall(r"`([A-Z]+_[A-Z_]+|OVERLOADED|INTERNAL)`", text):
        assert f"| {reason} |" in reasons
    queries = {RESOURCES[name]["Properties"]["Name"]["Fn::Sub"].rsplit("/", 1)[1] for name in QUERIES}
    assert set(re.findall(r"(?:query |in )\*([\w-]+)\*", text)) <= queries


@pytest.mark.parametrize("kit", ["ecs", "ec2-autoscaling", "sagemaker", "elastic-beanstalk"])
def test_the_kits_turn_the_metrics_on(kit):
    text = (ROOT / "deploy" / kit / "template.yaml").read_text()
    assert re.search(r"HOLDFAST_EMF_INTERVAL_S\W.*10", text) and "HOLDFAST_SERVICE_NAME" in text


# --- Grafana ---

def documented_for_prometheus():
    """{metric: (type, labels)} of docs/reference/metrics.md; a histogram under the names that it is asked by."""
    found = {}
    for name, kind, labels in re.findall(r"^\| `(holdfast_\w+)` \| (\w+) \| ([^|]+) \|",
                                         (ROOT / "docs/reference/metrics.md").read_text(), re.MULTILINE):
        own = set(re.findall(r"`(\w+)`", labels))
        for suffix in ("_bucket", "_count", "_sum") if kind == "histogram" else ("",):
            found[name + suffix] = (kind, own | ({"le"} if suffix == "_bucket" else set()))
    return found


def expressions():
    for panel in json.loads((ROOT / "deploy/observability/grafana.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], target["legendFormat"], id=f"{panel['title']}: {target['refId']}")


@pytest.mark.parametrize("expression, legend", list(expressions()))
def test_grafana_asks_for_metrics_and_labels_that_exist(expression, legend):
    known = documented_for_prometheus()
    names = re.findall(r"holdfast_\w+", expression)
    assert names
    labels = {"job", "instance"}.union(*(known[name][1] for name in names))
    assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\"", expression)) <= labels
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert set(re.split(r",\s*", grouped)) <= labels
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels
    for name in names:
        asked_as_counter = re.search(rf"(?:rate|increase)\({name}\b", expression) is not None
        assert asked_as_counter == (known[name][0] in ("counter", "histogram")), "rates are of counters, and of nothing else"
