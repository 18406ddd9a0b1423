# SPDX-License-Identifier: Apache-2.0
"""What an operator asks a running server, on the admin address."""

import json
import subprocess

import pytest

from tests.process.gray import gray
from tests.process.running_server import BIN, Server

POISON, GOOD = 7, 2
RULE = f'[[on]]\nclass = {POISON}\ndo = "segv"\n'


def holdfast(server, *arguments):
    command = [BIN / "holdfast", *arguments, "--server", f"http://127.0.0.1:{server.admin_port}"]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=30, check=False)


@pytest.fixture
def poisoned(tmp_path, fake_model):
    """A server that one image has just robbed of two workers."""
    with Server(tmp_path, "--workers", "2", models=fake_model(RULE)) as server:
        assert holdfast(server, "deaths").stdout == "no worker has died\n"
        assert holdfast(server, "quarantine", "list").stdout == "no image is quarantined\n"
        _, _, answer = server.classify(gray(POISON), headers={"x-request-id": "the-poison"})
        assert answer["reason"] == "REQUEST_CRASHED_WORKER"
        server.await_event("worker-died", 2)
        yield server


def test_the_last_deaths_are_told_with_what_is_needed_to_bring_them_about_again(poisoned):
    logged = poisoned.events("worker-died")
    deaths = json.loads(holdfast(poisoned, "deaths", "--json").stdout)["deaths"]
    assert len(deaths) == 2 and deaths[0]["time"] >= deaths[1]["time"]
    for death, line in zip(deaths, reversed(logged), strict=True):
        assert {key: line[key] for key in death if key not in ("time", "advice")} == \
            {key: death[key] for key in death if key not in ("time", "advice")}
        assert death["cause"] == "signal" and death["request_id"] == "the-poison"
    table = holdfast(poisoned, "deaths").stdout
    assert "signal 11" in table and "the-poison" in table and deaths[0]["digest"] in table


def test_a_cleared_quarantine_lets_an_image_be_tried_again(poisoned):
    digest = poisoned.events("worker-died")[0]["digest"]
    listed = holdfast(poisoned, "quarantine", "list").stdout
    assert listed.startswith(digest) and "s left" in listed
    assert poisoned.classify(gray(POISON))[2]["reason"] == "REQUEST_QUARANTINED"
    assert holdfast(poisoned, "quarantine", "clear").stdout == "1 images cleared\n"
    assert poisoned.events("quarantine-cleared")[0]["images"] == 1
    assert poisoned.classify(gray(POISON))[2]["reason"] == "REQUEST_CRASHED_WORKER"
    poisoned.check_quiet()


def test_a_poisonous_image_is_kept_only_when_the_operator_asks_for_it(tmp_path, fake_model):
    folder = tmp_path / "poison"
    folder.mkdir()
    with Server(tmp_path, "--workers", "2", "--poison-dir", folder,
                models=fake_model(RULE)) as server:
        server.classify(gray(GOOD))
        server.classify(gray(POISON))
        digest = server.await_event("worker-died", 2)[0]["digest"]
        assert [file.name for file in folder.iterdir()] == [digest]
        assert (folder / digest).read_bytes() == gray(POISON)


def test_clients_do_not_see_the_admin_endpoints(poisoned):
    for method, path in (("GET", "/debug/deaths"), ("GET", "/debug/quarantine"),
                         ("DELETE", "/debug/quarantine")):
        assert poisoned.request(method, path)[0] == 404
    assert len(poisoned.events("quarantine-cleared")) == 0
    # The operator sees what clients see.
    assert poisoned.request("GET", "/healthz", port=poisoned.admin_port)[0] == 200


def test_a_server_that_is_not_there_is_said_in_one_line(poisoned):
    port = poisoned.port  # The public one: no admin endpoints there.
    done = subprocess.run([BIN / "holdfast", "deaths", "--server", f"http://127.0.0.1:{port}"],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0 and len(done.stderr.splitlines()) == 1
    assert "/debug/deaths" in done.stderr
