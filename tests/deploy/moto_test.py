# SPDX-License-Identifier: Apache-2.0
"""Stacks in moto. A green stack alone says nothing: moto leaves out kinds that it does not know."""

import os
import subprocess
import sys
import urllib.request

import boto3
import pytest
from moto.server import ThreadedMotoServer

from deploy.check.templates import read
from tests.process.running_server import ROOT


@pytest.fixture
def account(monkeypatch):
    """An empty account; gives a maker of clients."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "test",
                        "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1",
                        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                        "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"", timeout=10).close()
    yield boto3.client
    server.stop()


def roll_out(*words):
    done = subprocess.run([sys.executable, "-m", "deploy.rollout", *words, "--poll", "0.05"],
                          cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("purpose", "interfaces"), [("ecs", 4), ("ecs-ec2", 7), ("sagemaker", 6)])
def test_a_network_has_what_a_kit_needs_and_no_way_out(account, purpose, interfaces):
    code, said = roll_out("up", "network", "--stack", "net", "--set", f"For={purpose}")
    assert code == 0, said
    cloudformation, ec2 = account("cloudformation"), account("ec2")
    made = cloudformation.list_stack_resources(StackName="net")["StackResourceSummaries"]
    # A resource whose condition is false is listed as well, without any name.
    made = [each for each in made if each.get("LogicalResourceId")]
    left_out = [each["LogicalResourceId"] for each in made if not each.get("PhysicalResourceId")]
    assert left_out == []
    template = read((ROOT / "deploy/network/template.yaml").read_text())["Resources"]
    always = {name for name, resource in template.items() if "Condition" not in resource}
    assert always <= {each["LogicalResourceId"] for each in made}
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    kinds = [each["VpcEndpointType"] for each in endpoints]
    assert kinds.count("Interface") == interfaces and kinds.count("Gateway") == 1
    private = {name: each["PhysicalResourceId"] for each in made
               for name in [each["LogicalResourceId"]] if name.startswith("PrivateSubnet")}
    zones = {subnet["AvailabilityZone"] for subnet in
             ec2.describe_subnets(SubnetIds=list(private.values()))["Subnets"]}
    assert len(zones) == 2, "the private subnets are in one zone"
    table = next(each["PhysicalResourceId"] for each in made
                 if each["LogicalResourceId"] == "PrivateRoutes")
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert not any(route.get("GatewayId", "").startswith("igw-") for route in routes)
