# SPDX-License-Identifier: Apache-2.0
"""The scripts that an instance of the EC2 kit gets with its user data."""

import os
import subprocess

import pytest

from tests.rehearsal.kits import user_data, written_file

IMAGE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/holdfast@sha256:" + "0" * 64


@pytest.fixture
def fetch(tmp_path):
    """Runs holdfast-fetch; gives its exit code and what it called. `refused`: a call that fails."""
    def run(models="none", refused="nothing"):
        script = tmp_path / "holdfast-fetch"
        script.write_text(written_file(user_data(), "/usr/local/bin/holdfast-fetch"))
        calls = tmp_path / "calls"
        calls.write_text("")
        for name in ("aws", "docker"):
            (tmp_path / name).write_text(
                f'#!/bin/bash\necho "{name} $*" >>"$CALLS"\n[[ "{name} $*" != "$REFUSED"* ]]\n')
            (tmp_path / name).chmod(0o755)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls),
                       "REFUSED": refused, "IMAGE": IMAGE, "REGION": "eu-central-1",
                       "MODELS": models}
        done = subprocess.run(["bash", script], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        return done.returncode, [" ".join(line.split()[:3]) for line in
                                 calls.read_text().splitlines()]
    return run


def test_the_first_start_fetches_the_image(fetch):
    code, calls = fetch(refused="docker image inspect")
    assert code == 0
    assert sorted(calls[1:3]) == ["aws ecr get-login-password", "docker login --username"]
    assert calls[3:] == ["docker pull --quiet"]


def test_a_restart_needs_no_registry(fetch):
    assert fetch(refused="aws") == (0, ["docker image inspect"])


def test_an_image_that_does_not_come_is_no_start(fetch):
    code, _ = fetch(refused="docker")
    assert code != 0


def test_models_come_from_their_bucket(fetch):
    assert fetch("s3://bucket/models") == (0, ["docker image inspect", "aws s3 sync"])
