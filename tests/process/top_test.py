# SPDX-License-Identifier: Apache-2.0
"""`holdfast top` and /debug/status: what a server does, for those who look again and again."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import threading

import pytest

from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import BIN, Server, kill, wait_until


@pytest.fixture
def server(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "2", models=fake_model(service_ms=5)) as running:
        running.await_workers(2)
        yield running


def status(server):
    return json.loads(server.get("/debug/status", port=server.admin_port)[2])


def top(server, *arguments):
    command = [BIN / "holdfast", "top", "--server", f"http://127.0.0.1:{server.admin_port}", *arguments]
    return [str(word) for word in command]


def test_status_counts_what_requests_came_to(server):
    assert server.get("/debug/status")[0] == 404, "it is the operator's"
    before = status(server)
    for _ in range(7):
        server.classify(gray(GOOD))
    server.classify(b"no picture")
    server.classify(gray(GOOD), path="/v1/models/none:predict")
    after = status(server)
    assert after["requests"]["answered"] - before["requests"]["answered"] == 7
    assert sum(after["requests"]["latency_counts"]) == 7
    assert after["requests"]["mistakes"] == 2 and after["requests"]["failed"] == 0
    assert {error["reason"]: error["count"] for error in after["errors"]} == {"UNSUPPORTED_MEDIA": 1, "NOT_FOUND": 1}
    assert all(error["advice"] for error in after["errors"])
    assert sum(worker["answered"] for worker in after["workers"]) == 7
    assert {worker["pid"] for worker in after["workers"]} == set(server.workers())
    assert after["busy_ms"] >= 7 * 4 and after["ready_ms"] > after["busy_ms"]
    server.get("/healthz")
    assert status(server)["requests"] == after["requests"], "probes are no requests"


def test_status_follows_a_death(server):
    victim = status(server)["workers"][0]
    kill(victim["pid"])
    wait_until(lambda: status(server)["workers"][0]["generation"] == victim["generation"] + 1 and
               status(server)["workers"][0]["state"] == "idle", "the next worker")
    follower = status(server)["workers"][0]
    assert follower["slot"] == victim["slot"] and follower["answered"] == 0
    death = json.loads(server.get("/debug/deaths", port=server.admin_port)[2])["deaths"][0]
    assert death["pid"] == victim["pid"] and "signal" in death["advice"]


def test_top_prints_an_interval(server):
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            server.classify(gray(GOOD))
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        done = subprocess.run(top(server, "--once"), capture_output=True, text=True, timeout=60, check=False)
    finally:
        stop.set()
        asking.join()
    assert done.returncode == 0, done.stderr
    assert "ready" in done.stdout and "fake/1" in done.stdout and "none" in done.stdout
    rate = float(done.stdout.split("answered ")[1].split("/s")[0])
    assert rate > 1 and "p99 -" not in done.stdout
    assert "\x1b" not in done.stdout and max(map(len, done.stdout.splitlines())) <= 100


def test_top_shows_and_ends_on_a_terminal(server):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(BIN / "holdfast", top(server, "--interval-ms", "100"))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 60, 0, 0))
    shown = b""
    while shown.count(b"q ends") < 3:
        shown += os.read(terminal, 65536)
    os.write(terminal, b"q")
    rest = b""
    try:
        while chunk := os.read(terminal, 65536):
            rest += chunk
    except OSError:  # How a terminal says that its other side is gone.
        pass
    assert os.waitpid(pid, 0)[1] == 0
    assert b"\x1b[?1049h" in shown and b"\x1b[?1049l" in rest, "what was there comes back"
    frame = shown.split(b"\x1b[H")[-1].split(b"q ends")[0].replace(b"\x1b[K", b"").decode()
    lines = frame.split("\r\n")
    assert len(lines) <= 12 and max(map(len, lines)) <= 60


def test_top_says_that_nobody_answers(server):
    command = top(server, "--once")
    server.stop()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 69 and "127.0.0.1" in done.stderr
