# SPDX-License-Identifier: Apache-2.0
"""Versions on trial: a share of the requests, a verdict with numbers, and nobody's answer lost."""

import json
import subprocess

import grpc
import pytest

from tests.process.fake_rules import GOOD, rule
from tests.process.gray import gray
from tests.process.grpc_inference import infer_over_grpc
from tests.process.running_server import BIN, Load, Server, kill, wait_until

RATE = 30  # Beside the photos that are sent one after the other.
FLAGS = ("--workers", "2", "--repository-poll-s", "0")  # Versions are tried when a test says so.
# A verdict within a test's time: few requests are enough.
SOON = ("--percent", "50", "--window-s", "3", "--requests-min", "20")


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "good.png").write_bytes(gray(GOOD))
    return [(tmp_path / "good.png", GOOD)]


def command(server, *words):
    run = subprocess.run([BIN / "holdfast", "models", *words, "--server",
                          f"http://127.0.0.1:{server.admin_port}"],
                         capture_output=True, text=True, timeout=60, check=False)
    return run.returncode, run.stdout + run.stderr


def version_of(server, **headers):
    status, _, answer = server.classify(gray(GOOD), headers=headers)
    assert status == 200, answer
    return int(answer["version"])


def rollout(server):
    status, _, body = server.get("/v2/repository/models/fake/rollout", port=server.admin_port)
    assert status == 200
    return json.loads(body)


def ask_until(server, condition, headers=None):
    """Sends one photo after the other, each of which is answered, until `condition()`. However slow
    the machine is, there is room to spare between two of them, and so classes are compared."""
    def asked():
        version_of(server, **(headers or {}))
        return condition()
    wait_until(asked, lambda: f"{server.log_lines[-5:]}", 60)


def ask_until_event(server, name, count=1, headers=None):
    ask_until(server, lambda: len(server.events(name)) >= count, headers)
    return server.events(name)


def all_answered(load):
    result = load.result()
    assert result["outcomes"] == {"200": result["offered"]}, result
    return result


def test_a_good_canary_is_promoted_and_no_request_is_lost(tmp_path, version, photos):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        load = Load(server, photos, rate=RATE, seconds=6, seed=1)
        version(2)
        assert command(server, "canary", "fake", "2", *SOON, "--promote") == \
            (0, "fake/2 is a canary\n")
        assert "fake/2                           READY  canary 50 %\n" in command(server, "list")[1]
        verdict, = ask_until_event(server, "rollout-verdict")
        assert verdict["verdict"] == "promote"
        assert verdict["new_requests"] >= 20 and verdict["new_errors"] == 0
        assert verdict["compared"] >= 20 and verdict["disagreed"] == 0
        ended, = server.await_event("rollout-ended")
        assert (ended["model"], ended["end"]) == ("fake/2", "promoted")
        all_answered(load)
        assert version_of(server) == 2
        server.await_event("model-unloaded")
        assert server.metric("holdfast_rollouts_ended_total", end="promoted") == 1
        server.check_quiet()


def test_a_canary_that_says_other_classes_is_rolled_back_by_itself(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2, rule("wrong", GOOD))
        assert command(server, "canary", "fake", "2", *SOON)[0] == 0
        verdict, = ask_until_event(server, "rollout-verdict")
        assert (verdict["verdict"], verdict["cause"]) == ("rollback", "disagreement")
        assert verdict["disagreed"] == verdict["compared"] >= 10
        ended, = server.await_event("rollout-ended")
        assert ended["end"] == "rolled-back"
        assert f"disagreed on {verdict['disagreed']} of {verdict['compared']} items" in ended["why"]
        server.await_event("model-unloaded")
        assert {version_of(server) for _ in range(20)} == {1}
        # Held back, with its reason, until somebody mends it.
        listed = command(server, "list")[1]
        assert "UNAVAILABLE  rolled back: disagreement: new: " in listed
        assert server.metric("holdfast_rollouts_ended_total", end="disagreement") == 1
        version(2, service_ms=11)
        assert command(server, "canary", "fake", "2", *SOON)[0] == 0
        assert version_of(server, **{"x-holdfast-canary": "always"}) == 2


def test_a_canary_that_crashes_costs_no_client_an_answer(tmp_path, version, photos):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2, rule("abort", GOOD))
        assert command(server, "canary", "fake", "2", *SOON)[0] == 0
        load = Load(server, photos, rate=RATE, seconds=4, seed=3)
        ended, = ask_until_event(server, "rollout-ended")
        assert ended["end"] == "rolled-back" and ended["why"].startswith("errors: ")
        all_answered(load)
        assert server.metric("holdfast_rollout_requests_total", arm="new", result="error") >= 10
        assert server.metric("holdfast_quarantined_total") == 0
        status, _, body = server.get("/debug/quarantine", port=server.admin_port)
        assert (status, json.loads(body)) == (200, {"quarantined": []})
        server.check_quiet()


@pytest.mark.parametrize("misdeed, cause", [("nan", "invalid-outputs"), ("error", "errors")])
def test_what_a_canary_cannot_answer_the_current_version_does(tmp_path, version, misdeed, cause):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2, rule(misdeed, GOOD))
        assert command(server, "canary", "fake", "2", *SOON)[0] == 0
        ended, = ask_until_event(server, "rollout-ended")
        assert ended["why"].startswith(cause + ": "), ended


def test_a_slow_canary_is_rolled_back(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2, service_ms=60)
        assert command(server, "canary", "fake", "2", "--percent", "50", "--requests-min",
                       "60")[0] == 0
        ended, = ask_until_event(server, "rollout-ended")
        assert ended["why"].startswith("latency: "), ended


def test_a_hung_canary_leaves_time_for_the_current_version(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2, rule("hang", GOOD))
        assert command(server, "canary", "fake", "2", "--percent", "100")[0] == 0
        status, headers, answer = server.classify(
            gray(GOOD), headers={"x-request-timeout-ms": "2000"})
        assert (status, answer["version"]) == (200, "1"), answer
        assert int(headers["x-holdfast-attempts"]) >= 2


def test_a_header_chooses(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2)
        assert command(server, "canary", "fake", "2", "--percent", "0")[0] == 0
        assert version_of(server) == 1
        assert version_of(server, **{"X-Holdfast-Canary": "always"}) == 2
        assert command(server, "canary", "fake", "2", "--percent", "100", "--header",
                       "X-Group=beta")[0] == 0
        assert version_of(server) == 2
        assert version_of(server, **{"x-group": "never"}) == 1
        assert version_of(server, **{"x-group": "beta"}) == 2
        # Whoever names a version gets that one.
        _, _, answer = server.classify(gray(GOOD), path="/classify?version=1")
        assert answer["version"] == "1"
        # The same request goes the same way again.
        assert command(server, "canary", "fake", "2", "--percent", "50")[0] == 0
        for number in range(10):
            asked = {version_of(server, **{"x-request-id": f"request-{number}"}) for _ in range(3)}
            assert len(asked) == 1
        assert server.metric("holdfast_rollout_share", model="fake/2") == 0.5


def test_a_shadow_is_compared_and_never_answers(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2, rule("wrong", GOOD))
        assert command(server, "shadow", "fake", "2", "--percent", "100", "--window-s", "2",
                       "--requests-min", "20") == (0, "fake/2 is a shadow\n")
        asked = rollout(server)
        assert (asked["version"], asked["kind"]) == ("2", "shadow")
        verdict = ask_until_event(server, "rollout-verdict")[0]
        assert (verdict["verdict"], verdict["cause"]) == ("worse", "disagreement")
        for wish in ("always", "never"):
            status, _, answer = server.classify(gray(GOOD), headers={"x-holdfast-canary": wish})
            assert (status, answer["version"]) == (200, "1")
            assert answer["predictions"][0]["index"] == GOOD
        assert not server.events("rollout-ended")
        assert server.metric("holdfast_rollout_compared_total", result="disagree") >= 20
        assert command(server, "rollback", "fake") == (0, "fake is rolled back\n")
        server.await_event("model-unloaded")
        assert rollout(server) == {}
        server.check_quiet()


def test_a_killed_gateway_keeps_the_trial(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2, rule("wrong", GOOD))
        assert command(server, "canary", "fake", "2", "--percent", "0", "--requests-min",
                       "20")[0] == 0
        first = server.gateway()
        kill(first)
        wait_until(lambda: server.children("gateway") not in ([], [first]), "another gateway")
        server.await_ready()
        server.await_workers(4)
        assert version_of(server) == 1
        assert version_of(server, **{"x-holdfast-canary": "always"}) == 2
        ended, = ask_until_event(server, "rollout-ended", headers={"x-holdfast-canary": "always"})
        assert ended["end"] == "rolled-back"


def test_an_operator_promotes_and_rolls_back(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        for word in ("promote", "rollback"):
            code, words = command(server, word, "fake")
            assert code == 66 and "on trial" in words
        assert command(server, "canary", "fake", "7")[0] == 66
        code, words = command(server, "canary", "fake", "1")
        assert code == 65 and "serves already" in words
        assert command(server, "canary", "fake")[0] == 64
        version(2)
        code, words = command(server, "canary", "fake", "2", "--percent", "101")
        assert code == 65 and "percent: expected 0 to 100" in words
        assert command(server, "canary", "fake", "2", "--percent", "0")[0] == 0
        assert command(server, "rollback", "fake") == (0, "fake is rolled back\n")
        assert server.await_event("rollout-ended")[0]["why"] == "an operator's order"
        server.await_event("model-unloaded")
        assert command(server, "canary", "fake", "2", "--percent", "0")[0] == 0
        assert command(server, "promote", "fake") == (0, "fake is promoted\n")
        assert version_of(server) == 2
        server.await_event("model-unloaded", 2)
        # On the public port there is nothing of it.
        assert server.request("PUT", "/v2/repository/models/fake/rollout?version=1")[0] == 404


def test_a_version_that_does_not_load_is_no_canary(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1, golden=GOOD)) as server:
        version(2, rule("wrong", GOOD), golden=GOOD)
        code, words = command(server, "canary", "fake", "2")
        assert code != 0 and "golden" in words
        assert server.events("rollout-ended")[0]["end"] == "failed"
        assert version_of(server) == 1


def test_new_versions_are_tried_by_themselves(tmp_path, version, photos):
    with Server(tmp_path, "--workers", "2", "--canary-percent", "30", "--canary-window-s", "3",
                "--canary-requests-min", "20", models=version(1)) as server:
        load = Load(server, photos, rate=RATE, seconds=6, seed=7)
        version(2)
        ended, = ask_until_event(server, "rollout-ended")
        assert (ended["model"], ended["end"]) == ("fake/2", "promoted")
        all_answered(load)
        assert version_of(server) == 2
        load = Load(server, photos, rate=RATE, seconds=4, seed=8)
        version(3, rule("abort", GOOD))
        ended = ask_until_event(server, "rollout-ended", 2)[1]
        assert (ended["model"], ended["end"]) == ("fake/3", "rolled-back")
        all_answered(load)
        assert version_of(server) == 2
        server.check_quiet()


def test_over_grpc_the_metadata_chooses(tmp_path, version):
    with Server(tmp_path, *FLAGS, models=version(1)) as server:
        version(2)
        assert command(server, "canary", "fake", "2", "--percent", "0")[0] == 0
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            for wish, number in (("always", "2"), ("never", "1"), ("", "1")):
                answer = infer_over_grpc(channel, gray(GOOD), "fake",
                                         metadata=[("x-holdfast-canary", wish)])
                assert answer.model_version == number
