# SPDX-License-Identifier: Apache-2.0
"""The programs of examples/, by the commands of their README."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.contract.sagemaker_shim import Endpoint
from tests.process.running_server import ROOT

COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / "examples/README.md").read_text(),
                                         re.MULTILINE | re.DOTALL)
            for line in block.splitlines() if not line.startswith("#")]


def program(command):
    return re.search(r"examples/(\S+)", command)[1]


def test_every_program_has_its_command_and_its_row():
    files = {file.name for file in (ROOT / "examples").iterdir() if file.suffix in (".py", ".sh")}
    rows = set(re.findall(r"^\| \[(\S+)\]", (ROOT / "examples/README.md").read_text(), re.MULTILINE))
    assert {program(command) for command in COMMANDS} == rows == files


@pytest.fixture(scope="module")
def endpoint(server):
    with Endpoint(server.port, name="holdfast") as one:
        yield one


@pytest.fixture
def run(server, endpoint):
    """Runs a command with the ports of the server under test, and `photo` in the place of its own."""
    def call(command, photo=None):
        command = command.replace("localhost:8080", f"localhost:{server.port}")
        words = shlex.split(command.replace("localhost:8500", f"localhost:{server.grpc_port}"))
        if photo:
            words = [str(photo) if word.endswith(".jpg") else word for word in words]
        if words[0] == "python3":
            words[0] = sys.executable
        aws = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint.url, "AWS_REGION": "eu-west-1",
               "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x",
               "AWS_SECRET_ACCESS_KEY": "x"}
        return subprocess.run(words, cwd=ROOT, env={**os.environ, **aws}, capture_output=True,
                              text=True, timeout=60, check=False)
    return call


@pytest.mark.parametrize("command", COMMANDS, ids=program)
def test_an_example_classifies_a_photo(run, command):
    done = run(command)
    assert done.returncode == 0, done.stderr
    assert re.search(r"tiger cat.*tabby|tiger cat\n.*tabby", done.stdout, re.DOTALL), done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=program)
def test_an_example_says_why_it_was_refused(run, command, tmp_path):
    (tmp_path / "hello.jpg").write_text("hello")
    done = run(command, tmp_path / "hello.jpg")
    assert done.returncode != 0
    assert re.search("not an image|not a JPEG, PNG or WebP image", done.stdout + done.stderr)
    assert "Traceback" not in done.stderr
