# SPDX-License-Identifier: Apache-2.0
"""A rollout that goes wrong leaves what served before, and says why."""

import os
import subprocess
import sys

import pytest

from deploy.rollout.outcome import Outcome
from tests.deploy.aws_api import Api
from tests.faults.pictures import grays
from tests.process.fake_rules import GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import ROOT

SERVICE_MS = 10
RATE = 50  # A second; a quarter of what two such workers do.
STACK = "cats"
TEMPLATE = (ROOT / "deploy/sagemaker/template.yaml").read_text()


def roll_out(api, image, golden, *options):
    """The command as somebody types it: its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.rollout", "up", "sagemaker", "--stack", STACK, "--image",
         image, "--poll", "0.02", "--patience", "1", "--golden", f"{golden}={GOOD}", *options],
        cwd=ROOT, env={**os.environ, **api.environment()}, capture_output=True, text=True,
        timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def cases_of(api, images):
    """(what goes wrong, fate of the update, image, options, exit code, words, calls)"""
    proposed = ["CreateChangeSet", "ExecuteChangeSet"]
    failed = ("fails", "Endpoint", "AWS::SageMaker::Endpoint", "Request to service failed. If "
              "failure reason contains: the primary container for production variant AllTraffic "
              "did not pass the ping health check")
    alarmed = ("fails", "Endpoint", "AWS::SageMaker::Endpoint",
               "One or more configured alarms went off: cats-5xx")
    return [
        ("update that is rolled back by an alarm", alarmed, images["new"], [],
         Outcome.ROLLED_BACK, ["rolled back", "Endpoint", "cats-5xx"], proposed),
        ("update to a model that never gets ready", failed, images["new"], [],
         Outcome.ROLLED_BACK, ["rolled back", "ping health check"], proposed),
        ("update that is stuck", "hangs", images["new"], ["--deadline", "0.005"],
         Outcome.ROLLED_BACK, ["stuck", "Endpoint not done", "cancel"],
         [*proposed, "CancelUpdateStack"]),
        ("update and cancellation that are stuck", "hangs for ever", images["new"],
         ["--deadline", "0.005", "--rollback-deadline", "0.005"], Outcome.NEEDS_A_PERSON,
         ["stuck", "Look at it"], [*proposed, "CancelUpdateStack"]),
        ("image of another architecture", "complete", images["arm"], [], Outcome.REFUSED,
         ["wrong image architecture", "arm64", "x86_64"], []),
        ("index without our architecture", "complete", images["arm index"], [], Outcome.REFUSED,
         ["wrong image architecture", "arm64"], []),
        ("image that is not there", "complete", images["absent"], [], Outcome.REFUSED,
         ["there is no image", "not found"], []),
        ("model that is wrong", "complete", images["wrong"], [], Outcome.ROLLED_BACK,
         ["bad model", f"should be {GOOD}", f"({GOOD + 1})"], proposed * 2),
        ("model whose output is garbage", "complete", images["garbage"], [], Outcome.ROLLED_BACK,
         ["bad model", "OUTPUT_INVALID"], proposed * 2),
    ]


@pytest.mark.timeout(300)
def test_f56_a_bad_rollout_leaves_the_old_configuration(fault, serve, fake_model, tmp_path):
    photo = tmp_path / "golden.png"
    photo.write_bytes(gray(GOOD))
    good = fake_model(service_ms=SERVICE_MS, busy="false")
    (tmp_path / "bad").mkdir()
    wrong, garbage = (models_apart(tmp_path, fake_model, what) for what in ("wrong", "nan"))
    api = Api()
    with serve("--workers", "2", models=good) as old, \
            serve("--workers", "1", models=wrong, quiet=False) as bad, \
            serve("--workers", "1", models=garbage, quiet=False) as worse:
        images = {name: api.push(name, "amd64") for name in ("old", "new", "wrong", "garbage")}
        images["arm"] = api.push("arm", "arm64")
        images["arm index"] = api.push("arm index", "arm64", "riscv64", as_index=True)
        images["absent"] = images["old"][:-64] + "0" * 64
        servers = {"old": old, "wrong": bad, "garbage": worse}
        api.answer_with = {images[name].partition("@")[2]: server
                           for name, server in servers.items()}
        parameters = {"ImageUri": images["old"], "InstanceType": "ml.c7i.xlarge"}
        photos = grays(tmp_path, GOOD)
        for what, fate, image, options, code, words, calls in cases_of(api, images):
            api.establish(STACK, TEMPLATE, every_parameter(api, parameters))
            before = api.stacks[STACK].current
            api.calls.clear()
            api.fate = fate
            load = fault.load(old, photos, rate=RATE, seconds=fault.pick(2, 10))
            fault.inject(what)
            ended, said = roll_out(api, image, photo, *options)
            fault.settle(load)
            assert ended == code, (what, said)
            assert all(word in said for word in words), (what, said)
            assert api.changes() == calls, what
            if code != Outcome.NEEDS_A_PERSON:
                assert api.stacks[STACK].current == before, what
                assert not api.stacks[STACK].status.endswith("_IN_PROGRESS"), what
            assert not api.stacks[STACK].change_sets, "a proposal was left behind"
        # The same command, with nothing wrong: the test above can tell.
        api.fate = "complete"
        api.answer_with[images["new"].partition("@")[2]] = old
        api.establish(STACK, TEMPLATE, every_parameter(api, parameters))
        ended, said = roll_out(api, images["new"], photo)
        assert ended == Outcome.SERVES and "came out right" in said, said
        assert api.stacks[STACK].current.parameters["ImageUri"] == images["new"]
    fault.note("requests go to the old configuration during each rollout")
    api.shutdown()


def models_apart(tmp_path, fake_model, what):
    """A repository of its own with a model that does `what` at every picture."""
    made = fake_model(rule(what, label=None), name=what)
    apart = tmp_path / "bad" / what
    apart.mkdir()
    (made / what).rename(apart / what)
    return apart


def every_parameter(api, given):
    declared = api.get_template_summary(TEMPLATE)["Parameters"]
    defaults = {each["ParameterKey"]: each.get("DefaultValue", "") for each in declared}
    return {**defaults, **given}
