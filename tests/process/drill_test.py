# SPDX-License-Identifier: Apache-2.0
"""`holdfast drill`: faults on a running server, and the proof that no request pays for them."""

import json
import re
import subprocess
import threading

import pytest

from tests.process.gray import gray
from tests.process.running_server import BIN, Server, state_of, wait_until

WORKERS = 2


@pytest.fixture
def server(tmp_path, fake_model):
    # A worker that hangs is found out after one second instead of five.
    with Server(tmp_path, "--workers", WORKERS, "--hang-floor-ms", "1000",
                models=fake_model(service_ms=2)) as running:
        running.await_workers(WORKERS)
        yield running


@pytest.fixture
def photos(tmp_path):
    files = []
    for brightness in range(4):
        files.append(tmp_path / f"{brightness}.png")
        files[-1].write_bytes(gray(brightness))
    return files


def drill(server, *arguments):
    command = [BIN / "holdfast", "drill", "--server", f"http://127.0.0.1:{server.admin_port}",
               *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=120, check=False)


def order(server, fault):
    status, _, body = server.request("POST", "/debug/drill", json.dumps({"fault": fault}),
                                     port=server.admin_port)
    return status, json.loads(body)


@pytest.mark.parametrize("fault, cause", [("kill", "killed-from-outside"), ("stop", "hung"),
                                          ("garbage", "invalid-output")])
def test_each_fault_costs_workers_and_no_request(server, photos, fault, cause):
    done = drill(server, "--faults", fault, "--for", 4, "--every", 1, "--rate", 40, "--json",
                 "--photos", *photos)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["passed"] and report["lost"] == 0 and report["wrong"] == 0
    assert report["offered"] >= 100
    assert report["offered"] == report["answered"] + sum(report["refused"].values())
    injected = report["faults"][fault]
    assert injected >= 2 and report["exits"] == {cause: injected - report["without_effect"]}
    assert report["without_effect"] <= 1
    assert 0 < report["respawn_ms"]["min"] <= report["respawn_ms"]["median"] <= \
        report["respawn_ms"]["max"]
    assert [event["fault"] for event in server.events("drill")] == [fault] * injected
    assert server.metric("holdfast_drill_faults_total", fault=fault) == injected
    server.await_workers(WORKERS)
    server.check_quiet()


def test_garbled_answers_are_caught_and_rescued(server, photos):
    report = json.loads(drill(server, "--faults", "garbage", "--for", 3, "--every", 1, "--json",
                              "--photos", *photos).stdout)
    # Every garbled answer was somebody's, who got a right one all the same.
    assert report["rescues"] >= report["faults"]["garbage"] >= 1
    assert len(server.events("answer-invalid")) == report["faults"]["garbage"]


def test_a_fault_hits_the_worker_that_the_answer_names(server):
    status, victim = order(server, "stop")
    assert status == 200 and victim["fault"] == "stop" and victim["model"] == "fake/1"
    assert victim["pid"] in server.workers()
    wait_until(lambda: state_of(victim["pid"]) == "T", "the worker is stopped")
    status, victim = order(server, "kill")
    assert status == 200
    wait_until(lambda: victim["pid"] in [died["pid"] for died in server.events("worker-died")],
               "the worker is killed")
    assert server.events("drill")[1]["pid"] == victim["pid"]


def test_a_starved_worker_is_known_as_out_of_memory(tmp_path, fake_model):
    leaky = '[[on]]\ndo = "leak"\nleak_mib = 8\n'
    with Server(tmp_path, "--workers", 1, models=fake_model(leaky)) as server:
        server.await_workers(1)
        assert order(server, "oom")[0] == 200
        status, headers, _ = server.classify(gray(1))
        assert status == 200 and headers["x-holdfast-attempts"] == "2"
        assert server.await_event("worker-died")[0]["cause"] == "out-of-memory"


def test_a_fault_that_ends_no_worker_is_reported_as_without_effect(server, photos):
    """A model that has all its memory does not notice that it may have no more."""
    done = drill(server, "--faults", "oom", "--for", 1, "--every", 1, "--rate", 20, "--photos",
                 *photos)
    assert done.returncode == 0, done.stderr
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in done.stdout.splitlines())
    assert lines["faults"] == "1  (oom 1)" and lines["no effect"] == "1"
    assert lines["exits"] == "0" and "respawn" not in lines
    assert lines["lost"] == "0" and lines["verdict"].startswith("passed")
    assert "goes on: the fault has had no effect yet" in done.stderr
    assert [event["fault"] for event in server.events("drill")] == ["oom"]
    assert server.metric("holdfast_drill_faults_total", fault="oom") == 1
    assert not server.events("worker-died")
    server.check_quiet()


@pytest.mark.parametrize("body", [b"", b"{}", b'{"fault":"nap"}', b"x" * 2000])
def test_an_order_that_names_no_fault_is_refused(server, body):
    status, _, answer = server.request("POST", "/debug/drill", body, port=server.admin_port)
    assert status in (400, 413) and json.loads(answer)["error"]
    assert not server.events("drill")


def test_clients_cannot_order_faults(server):
    assert server.request("POST", "/debug/drill", b'{"fault":"kill"}')[0] == 404
    assert server.request("GET", "/debug/drill", port=server.admin_port)[0] == 405


def test_real_traffic_is_left_alone_unless_that_is_wanted(server, photos):
    stop = threading.Event()

    def others():
        while not stop.is_set():
            server.classify(gray(1))
            stop.wait(0.02)

    client = threading.Thread(target=others)
    client.start()
    try:
        done = drill(server, "--for", 1, "--photos", *photos)
        assert done.returncode == 64 and "--yes" in done.stderr and not server.events("drill")
        done = drill(server, "--for", 2, "--every", 1, "--faults", "kill", "--watch", "--yes",
                     "--json")
    finally:
        stop.set()
        client.join()
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["watched"] and report["lost"] == 0
    assert report["offered"] >= 10 and report["faults"]["kill"] >= 1


def test_the_table_is_for_people(server):
    # Without photos it sends pictures of its own.
    done = drill(server, "--for", 2, "--every", 1, "--faults", "kill,garbage")
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert lines["lost"] == "0" and lines["wrong"] == "0" and lines["verdict"].startswith("passed")
    assert len(done.stderr.splitlines()) >= 2 and "holdfast: kill: fake/1 #" in done.stderr
