# SPDX-License-Identifier: Apache-2.0
"""Versions come and go while the server serves."""

import json
import shutil
import signal
import subprocess
import threading

import pytest

from tests.process.fake_rules import GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import BIN, Load, Server, kill, state_of, title_of, wait_until

SERVICE_MS = 10  # As the versions of conftest.py have it.
RATE = 0.5 * 2 * 1000 / SERVICE_MS  # Half of what two workers can.


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "good.png").write_bytes(gray(GOOD))
    return [(tmp_path / "good.png", GOOD)]


def status_of(server, number, name="fake"):
    """State, error code and message of a version, as TensorFlow Serving says them."""
    code, _, body = server.get(f"/v1/models/{name}/versions/{number}")
    if code != 200:
        return "", "", ""
    status = json.loads(body)["model_version_status"][0]
    return status["state"], status["status"]["error_code"], status["status"]["error_message"]


def served_version(server):
    status, _, answer = server.classify(gray(GOOD))
    assert status == 200, answer
    return int(answer["version"])


def await_version(server, number):
    wait_until(lambda: served_version(server) == number, f"version {number} answers")


def await_alone(server, number):
    """Of the processes of all versions only those of this one are left."""
    def alone():
        titles = [title_of(pid) for role in ("zygote", "worker") for pid in server.children(role)]
        return titles and all(f" fake/{number}" in title for title in titles)
    wait_until(alone, f"the processes of version {number} alone")


def test_a_new_version_takes_over_under_load_and_no_request_notices(tmp_path, version, photos):
    with Server(tmp_path, "--workers", "2", models=version(1)) as server:
        before = Load(server, photos, rate=RATE, seconds=4, seed=1).result()
        load = Load(server, photos, rate=RATE, seconds=8, seed=2, ledger=tmp_path / "swap.jsonl")
        swaps = 3
        for number in range(2, 2 + swaps):
            version(number)
            server.await_event("model-unloaded", number - 1)
        result = load.result()
        print(f"p99 {before['p99_ms']:.0f} → {result['p99_ms']:.0f} ms over {swaps} swaps")
        assert result["outcomes"] == {"200": result["offered"]}, result
        assert result["p99_ms"] <= 1.5 * before["p99_ms"] + 50
        assert served_version(server) == 1 + swaps
        assert status_of(server, 1 + swaps) == ("AVAILABLE", "OK", "")
        assert status_of(server, 1) == ("", "", "")
        await_alone(server, 1 + swaps)
        assert server.metric("holdfast_model_loads_total", result="ok") == 1 + swaps
        assert not [death for death in server.events("worker-died")
                    if death["cause"] != "unloaded"]
        server.await_workers(2)
        server.check_quiet()


def test_a_request_that_has_begun_is_answered_by_the_version_that_it_met(tmp_path, version):
    with Server(tmp_path, "--workers", "1", models=version(1, service_ms=1500)) as server:
        answers = []
        client = threading.Thread(
            target=lambda: answers.append(server.classify(gray(GOOD), timeout=20)))
        client.start()
        wait_until(lambda: server.metric("holdfast_running_items") == 1, "it runs")
        version(2)
        await_version(server, 2)
        client.join()
        status, headers, answer = answers[0]
        assert status == 200 and answer["version"] == "1"
        assert headers["x-holdfast-attempts"] == "1"
        await_alone(server, 2)


def test_a_broken_version_is_refused_with_its_reason_while_the_old_one_serves(
        tmp_path, version, photos):
    with Server(tmp_path, "--workers", "2", models=version(1, golden=GOOD)) as server:
        load = Load(server, photos, rate=RATE, seconds=5, seed=3)
        version(2, rule("wrong", GOOD), golden=GOOD)  # Its golden example comes out otherwise.
        refusal = server.await_event("model-refused")[0]
        assert refusal["model"] == "fake/2" and "golden" in refusal["last_words"]
        state, code, message = wait_until(
            lambda: status_of(server, 2)[0] == "END" and status_of(server, 2), "it is refused")
        assert state == "END" and code != "OK" and "golden" in message
        assert served_version(server) == 1
        assert server.metric("holdfast_model_loads_total", model="fake/2") == 1
        assert server.get("/ping")[0] == 200
        # The same files are not tried again; changed ones are.
        assert len(server.events("model-refused")) == 1
        version(2, golden=GOOD)
        await_version(server, 2)
        result = load.result()
        assert result["outcomes"] == {"200": result["offered"]}, result


def test_a_half_copied_version_waits_until_it_is_whole(tmp_path, version):
    models = version(1)
    with Server(tmp_path, "--workers", "1", models=models) as server:
        whole = version(2) / "fake/2"
        await_version(server, 2)
        third = models / "fake/3"
        third.mkdir()
        shutil.copy(whole / "model.toml", third)
        refused = server.await_event("model-refused")[0]  # Nothing more came for long enough.
        assert "fake.toml" in refused["last_words"]
        shutil.copy(whole / "fake.toml", third)
        await_version(server, 3)


def test_a_removed_version_gives_way_to_the_one_before_it(tmp_path, version):
    models = version(1)
    with Server(tmp_path, "--workers", "1", models=version(2)) as server:
        assert served_version(server) == 2
        shutil.rmtree(models / "fake/2")
        await_version(server, 1)
        await_alone(server, 1)
        shutil.rmtree(models / "fake/1")  # Nothing is left: what serves goes on.
        kill(server.supervisor, signal.SIGHUP)
        server.await_event("reload-asked")
        assert served_version(server) == 1


def test_without_polling_only_sighup_makes_it_look(tmp_path, version):
    with Server(tmp_path, "--workers", "1", "--repository-poll-s", "0",
                models=version(1)) as server:
        server.await_workers(1)
        version(2)
        kill(server.supervisor, signal.SIGHUP)
        await_version(server, 2)


def test_several_versions_serve_beside_each_other(tmp_path, version):
    version(1)
    with Server(tmp_path, "--workers", "1", "--model-version-policy", "latest:2",
                models=version(2)) as server:
        server.await_workers(2)
        for number in (1, 2):
            _, _, answer = server.classify(gray(GOOD), path=f"/classify?version={number}")
            assert answer["version"] == str(number)
        version(3)
        await_version(server, 3)
        wait_until(lambda: status_of(server, 1)[0] == "", "version 1 is gone")
        assert status_of(server, 2)[0] == "AVAILABLE"
        assert server.classify(gray(GOOD), path="/classify?version=1")[0] == 404


def test_a_version_that_keeps_crashing_gives_way_to_the_one_before_it(tmp_path, version):
    version(1)
    models = version(2, on_load='"abort"')
    with Server(tmp_path, "--workers", "1", "--restarts-max", "2", models=models,
                wait=False) as server:
        server.await_event("crash-budget-spent")
        server.await_ready()
        assert served_version(server) == 1
        assert status_of(server, 2)[0] == "END"


def test_a_server_whose_newest_version_is_broken_starts_with_the_one_before(tmp_path, version):
    version(1)
    models = version(2)
    (models / "fake/2/fake.toml").write_text("no such key = 1\n")
    with Server(tmp_path, "--workers", "1", models=models) as server:
        assert served_version(server) == 1
        assert status_of(server, 2)[0] == "END"
        assert any("fake/2" in line and "not loaded" in line for line in server.plan), server.plan


def order(server, action, name="fake"):
    """The repository's calls, as Triton has them: status and body."""
    status, _, body = server.request("POST", f"/v2/repository/models/{name}/{action}", body=b"{}",
                                     port=server.admin_port)
    return status, json.loads(body)


def index(server):
    _, _, body = server.request("POST", "/v2/repository/index", body=b"{}",
                                port=server.admin_port)
    return {(entry["name"], entry["version"]): entry["state"] for entry in json.loads(body)}


def test_an_operator_loads_and_unloads_models_on_the_admin_address(tmp_path, version, fake_model):
    version(1)
    models = fake_model(name="other", busy="false")
    with Server(tmp_path, "--workers", "1", "--repository-poll-s", "0", models=models) as server:
        assert index(server) == {("fake", "1"): "READY", ("other", "1"): "READY"}
        version(2)
        assert order(server, "load") == (200, {})
        assert served_version(server) == 2
        assert index(server)[("fake", "2")] == "READY"

        version(3, rule("wrong", GOOD), golden=GOOD)
        status, answer = order(server, "load")
        assert status == 422 and answer["reason"] == "BAD_MODEL" and "golden" in answer["error"]
        assert index(server)[("fake", "3")] == "UNAVAILABLE"
        assert served_version(server) == 2
        assert order(server, "load", "none")[0] == 404
        assert order(server, "unload", "none")[0] == 404

        assert order(server, "unload") == (200, {})
        assert server.classify(gray(GOOD), path="/classify?model=fake")[0] == 404
        assert server.classify(gray(GOOD), path="/classify?model=other")[0] == 200
        assert server.get("/ping")[0] == 200
        shutil.rmtree(models / "fake/3")
        assert order(server, "load") == (200, {})
        assert served_version(server) == 2

        public, _, _ = server.request("POST", "/v2/repository/models/fake/unload", body=b"{}")
        assert public == 404, "on the public port nobody unloads anything"


def test_the_command_line_lists_and_loads(tmp_path, version):
    models = version(1)
    with Server(tmp_path, "--workers", "1", "--repository-poll-s", "0", models=models) as server:
        def run(*words):
            url = f"http://127.0.0.1:{server.admin_port}"
            return subprocess.run([BIN / "holdfast", "models", *words, "--server", url],
                                  capture_output=True, text=True, check=False, timeout=60)
        assert run("list").stdout.split() == ["fake/1", "READY"]
        version(2)
        assert run("load", "fake").stdout == "fake is served\n"
        assert served_version(server) == 2
        unknown = run("load", "none")
        assert unknown.returncode != 0 and "none" in unknown.stderr
        assert run("load").returncode == 64
        assert run("unload", "fake").returncode == 0
        assert run("list").stdout == "no model\n"


def test_a_gateway_that_dies_in_a_swap_harms_no_version(tmp_path, version):
    with Server(tmp_path, "--workers", "2", models=version(1)) as server:
        version(2, load_ms=1000)
        server.await_event("zygote-started", 2)
        kill(server.gateway())
        server.await_event("gateway-started", 2)
        assert served_version(server) in (1, 2)
        await_version(server, 2)
        await_alone(server, 2)
        server.await_workers(2)
        server.check_quiet()


def test_a_scout_that_dies_is_replaced(tmp_path, version):
    with Server(tmp_path, "--workers", "1", models=version(1)) as server:
        old = wait_until(lambda: server.children("scout"), "a scout")[0]
        kill(old)
        server.await_event("scout-died")
        wait_until(lambda: server.children("scout") and state_of(old) == "", "a new scout")
        version(2)
        await_version(server, 2)
