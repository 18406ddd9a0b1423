# SPDX-License-Identifier: Apache-2.0
"""The supervisor as PID 1 of a container: it starts, ends and reaps as an init has to, and the
container's memory limit costs workers, but no request. F46 and F48 are what failures are called in
docs/reliability.md."""

import random
import signal
import subprocess
import time

import pytest

from tests.image.container import RUNTIME, STRICT, Container
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.kill_test import check_nothing_lost, kill_while, one_of
from tests.process.running_server import (PHOTOS, Load, children_of, kill, state_of, title_of,
                                          wait_until)

HEALTHCHECK = ["/usr/local/bin/holdfast", "healthcheck"]
# Two generations in the container's process namespace; the older one ends at once, and PID 1 gets
# the younger as its child. It ends when its input does.
ORPHAN = ("import os, sys\n"
          "if os.fork() == 0:\n"
          "    if os.fork() == 0:\n"
          "        sys.stdin.read()\n"
          "    os._exit(0)\n"
          "os.wait()\n")


def models(repository):
    return [*STRICT, "--volume", f"{repository}:/models:ro"]


# --- Its end: F46 ---

@pytest.mark.parametrize("signals", [["TERM"], ["INT"], ["TERM", "TERM"]], ids="-".join)
def test_a_signal_to_the_container_ends_it_well(tmp_path, strict, signals):
    with Container(tmp_path, RUNTIME, "serve", "--workers", "2", options=strict) as server:
        assert server.classify((PHOTOS / "coffee.jpg").read_bytes())[0] == 200
        sent = [subprocess.run(["podman", "kill", "--signal", name, server.id], check=False,
                               capture_output=True, timeout=60).returncode for name in signals]
        assert sent[0] == 0  # The second may find it gone.
        assert server.wait() == 0


def test_a_hangup_ends_nothing(tmp_path, strict):
    with Container(tmp_path, RUNTIME, "serve", "--workers", "1", options=strict) as server:
        kill(server.supervisor, signal.SIGHUP)
        assert server.classify((PHOTOS / "coffee.jpg").read_bytes())[0] == 200
        assert server.end() == 0


def test_a_stop_while_the_model_loads_is_prompt(tmp_path, fake_model):
    """And until it has loaded, the health check says that the server is not ready."""
    repository = fake_model(load_ms=60_000)
    with Container(tmp_path, RUNTIME, "serve", "--workers", "1", options=models(repository),
                   wait=False) as server:
        url = f"http://127.0.0.1:{server.port}/healthz"
        code, words = server.execute(*HEALTHCHECK, "--url", url)
        assert code == 1, words
        assert not server.events("model-loaded")
        began = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - began < 25


def test_the_health_check_turns_with_the_model(tmp_path, fake_model):
    repository = fake_model(load_ms=12_000)
    with Container(tmp_path, RUNTIME, "serve", "--workers", "1", options=models(repository),
                   wait=False) as server:
        ask = [*HEALTHCHECK, "--url", f"http://127.0.0.1:{server.port}/healthz"]
        assert server.execute(*ask)[0] == 1
        server.await_event("model-loaded")
        server.await_ready()
        code, words = server.execute(*ask)
        assert code == 0, words


# --- Its children: F48 ---

def test_orphans_of_the_container_are_reaped(tmp_path, strict):
    with Container(tmp_path, RUNTIME, "serve", "--workers", "1", options=strict) as server:
        own = set(children_of(server.supervisor))
        orphans = [subprocess.Popen(
            ["nsenter", "--target", str(server.supervisor), "--pid", "python3", "-c", ORPHAN],
            stdin=subprocess.PIPE) for _ in range(10)]
        adopted = wait_until(
            lambda: (found := {pid for pid in children_of(server.supervisor)
                               if "sys.stdin.read" in title_of(pid)} - own)
            and len(found) == 10 and found, "ten orphans")
        for orphan in orphans:
            assert orphan.wait(30) == 0
            orphan.stdin.close()
        wait_until(lambda: not any(state_of(pid) for pid in adopted), "all reaped")
        assert server.classify((PHOTOS / "coffee.jpg").read_bytes())[0] == 200
        server.check_quiet()
        assert server.end() == 0


def test_killed_workers_leave_no_zombie_behind(tmp_path, strict, photos):
    with Container(tmp_path, RUNTIME, "serve", "--workers", "2", options=strict) as server:
        load = Load(server, photos, rate=3, seconds=8, seed=5)
        kills = kill_while(server, load, 1.5, one_of, random.Random(5))
        check_nothing_lost(server, load.result(), kills, 8)  # check_quiet counts the zombies.
        assert not [pid for pid in kills if state_of(pid)]


# --- The container's memory limit ---

def test_a_worker_that_the_kernel_kills_for_memory_costs_no_request(tmp_path, fake_model):
    leaking = fake_model(rule("leak", leak_mib=48))
    options = models(leaking)
    options[options.index("--memory") + 1] = "400m"
    options += ["--memory-swap", "400m"]
    with Container(tmp_path, RUNTIME, "serve", "--workers", "2", "--worker-growth-max", "8GiB",
                   options=options) as server:
        server.await_workers(2)
        supervisor, gateway = server.supervisor, server.gateway()

        def classify_until_killed():
            status, _, answer = server.classify(gray(BAD))
            assert status == 200 and answer["predictions"][0]["index"] == BAD
            return server.metric("holdfast_worker_exits_total", cause="out-of-memory") >= 2
        wait_until(classify_until_killed, "the kernel has killed two workers", 120)
        # It took workers only: what holds the requests goes on.
        assert (server.supervisor, server.gateway()) == (supervisor, gateway)
        assert server.metric("holdfast_items_rescued_total") >= 1
        server.await_workers(2)
        assert server.classify(gray(GOOD))[0] == 200
        server.check_quiet()
        assert server.end() == 0
