# SPDX-License-Identifier: Apache-2.0
"""The EC2 kit's lifecycle script against instance metadata that wants tokens."""

import contextlib
import http.client
import http.server
import subprocess
import threading
import types

import pytest

from tests.process.running_server import wait_until
from tests.rehearsal import imds, kits
from tests.rehearsal.machine import Machine

ACTION = "/latest/meta-data/spot/instance-action"
ID = "/latest/meta-data/instance-id"


@pytest.fixture
def metadata():
    fake = imds.Imds("i-1")
    yield fake
    fake.close()


def ask(fake, method, path, **headers):
    with contextlib.closing(http.client.HTTPConnection(fake.url.removeprefix("http://"))) as connection:
        connection.request(method, path, headers={name.replace("_", "-"): value
                                                  for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_metadata_is_for_who_has_a_token(metadata):
    assert ask(metadata, "GET", ID)[0] == 401
    assert ask(metadata, "GET", ID, X_aws_ec2_metadata_token="guessed")[0] == 401
    assert ask(metadata, "PUT", "/latest/api/token")[0] == 400
    assert ask(metadata, "PUT", ID, X_aws_ec2_metadata_token_ttl_seconds="60")[0] == 403
    status, token = ask(metadata, "PUT", "/latest/api/token",
                        X_aws_ec2_metadata_token_ttl_seconds="60")
    assert status == 200
    assert ask(metadata, "GET", ID, X_aws_ec2_metadata_token=token) == (200, "i-1")
    assert ask(metadata, "GET", ACTION, X_aws_ec2_metadata_token=token)[0] == 404
    metadata.give_notice()
    status, notice = ask(metadata, "GET", ACTION, X_aws_ec2_metadata_token=token)
    assert status == 200 and '"terminate"' in notice


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def machine(tmp_path):
    """The script beside a process that is healthy and ends on SIGTERM."""
    health = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
    threading.Thread(target=health.serve_forever, daemon=True).start()
    with subprocess.Popen(["tail", "-f", "/dev/null"]) as process:
        around = Machine(types.SimpleNamespace(
            name="1", folder=tmp_path, port=health.server_address[1], supervisor=process.pid),
            kits.ec2())
        around.process = process
        yield around
        around.close()
        process.kill()
    health.shutdown()
    health.server_close()


def test_the_script_stops_the_server_when_the_load_balancer_has_let_go(machine):
    wait_until(machine.completed("ready"), "ready")
    assert not machine.completed("drained")() and machine.process.poll() is None
    machine.imds.state = "Terminated"
    assert machine.process.wait(30) == -15
    wait_until(machine.completed("drained"), "drained")
    assert machine.imds.tokens and machine.imds.refused == 0


def test_at_spots_notice_the_script_has_the_instance_ended_in_the_right_order(machine):
    wait_until(machine.completed("ready"), "ready")
    machine.imds.give_notice()
    wait_until(machine.asked_for_its_end(), "Auto Scaling is asked")
    assert machine.process.poll() is None, "it stopped before the load balancer had let go"
    machine.imds.state = "Terminated"
    assert machine.process.wait(30) == -15
    wait_until(machine.completed("drained"), "drained")
