# SPDX-License-Identifier: Apache-2.0
"""`holdfast doctor` on hosts that lack something."""

import json
import os
import socket
import subprocess

import pytest

from tests.process.running_server import BIN, TINY

PORTS = ("--http-port", "0", "--grpc-port", "0", "--admin-port", "0")
MODELS = ("--model-repository", TINY)


def doctor(*arguments, wrapper=(), environment=None):
    """Its exit code, and what it found: {check: finding}."""
    command = [*wrapper, BIN / "holdfast", "doctor", "--json", *PORTS, *arguments]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, **(environment or {})})
    if not done.stdout:
        return done.returncode, done.stderr
    report = json.loads(done.stdout)
    assert report["passed"] == (done.returncode == 0)
    return done.returncode, {finding["check"]: finding for finding in report["findings"]}


def test_a_host_that_runs_these_tests_can_run_the_server():
    code, findings = doctor(*MODELS)
    assert code == 0, findings
    assert findings["models"]["found"] == "tiny/1"
    assert {finding["verdict"] for finding in findings.values()} <= {"ok", "warning"}
    for finding in findings.values():
        assert bool(finding["advice"]) == (finding["verdict"] != "ok"), finding


def test_a_low_limit_of_descriptors_is_seen():
    _, findings = doctor(*MODELS, wrapper=("prlimit", "--nofile=300:300", "--"))
    assert findings["descriptors"]["verdict"] == "warning"
    assert "300 may be open" in findings["descriptors"]["found"]
    _, findings = doctor(*MODELS, "--connections-max", "30", wrapper=("prlimit", "--nofile=300:300", "--"))
    assert findings["descriptors"]["verdict"] == "ok"


def test_one_cpu_for_four_workers_is_seen():
    _, findings = doctor(*MODELS, "--workers", "4", wrapper=("taskset", "-c", "0"))
    assert findings["cpus"]["verdict"] == "warning" and "1 granted, 4 workers" in findings["cpus"]["found"]


def test_timeouts_are_compared_with_those_around_the_server():
    code, findings = doctor(*MODELS, "--load-balancer-idle-s", "120", "--stop-timeout-s", "10")
    assert code == 1
    assert [findings[check]["verdict"] for check in ("keep-alive", "deadline", "stop")] == [
        "failure", "ok", "failure"]
    advised = findings["keep-alive"]["advice"].split(",")[0].split()
    code, findings = doctor(*MODELS, *advised, "--load-balancer-idle-s", "120", "--stop-timeout-s", "30")
    assert code == 0 and findings["keep-alive"]["verdict"] == "ok", "what it advises helps"


def test_a_port_that_is_taken_is_seen():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, findings = doctor(*MODELS, "--bind-address", "127.0.0.1", "--http-port",
                                str(taken.getsockname()[1]))
    assert code == 1 and findings["http-port"]["verdict"] == "failure"


@pytest.mark.parametrize("folder, words", [("missing", "missing"), ("empty", "holds no folders")])
def test_models_that_would_not_serve_are_seen(tmp_path, folder, words):
    (tmp_path / "empty").mkdir()
    code, findings = doctor("--model-repository", tmp_path / folder)
    assert code == 1 and findings["models"]["verdict"] == "failure"
    assert words in findings["models"]["found"]


def test_models_that_anybody_may_change_are_seen(tmp_path, fake_model):
    models = fake_model()
    (models / "fake/1").chmod(0o777)
    code, findings = doctor("--model-repository", models)
    assert code == 0 and findings["models"]["verdict"] == "warning"


def test_it_takes_the_settings_of_serve():
    _, findings = doctor(*MODELS, environment={"HOLDFAST_SANDBOX": "off"})
    assert findings["sandbox"]["verdict"] == "warning"
    code, words = doctor(*MODELS, "--sandbox", "perhaps")
    assert code == 64 and "--sandbox" in words
    code, words = doctor("--no-such-flag", "1")
    assert code == 64 and "--no-such-flag" in words
