# SPDX-License-Identifier: Apache-2.0
"""A wall clock that jumps by hours and years: nothing but the log's timestamps may follow it."""

import datetime
import http.client
import itertools
import json
import math
import mmap
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import threading
import time

import grpc
import pytest

from tests.faults.clients import closed_by_server, closing, connect, exchange, open_loop, post
from tests.faults.injection import every
from tests.faults.ledger import outcome_of
from tests.faults.pictures import grays
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.grpc_health import grpc_health
from tests.process.running_server import kill, wait_until

SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS
SLOW_MS = 300  # A picture of class BAD: long enough to be under way when the clock jumps.
HOUR_S = 3600
TEN_YEARS_S = 3653 * 24 * HOUR_S
STEPS = {"+1 h": HOUR_S, "-1 h": -HOUR_S, "+10 y": TEN_YEARS_S, "-10 y": -TEN_YEARS_S}
SHIM = pathlib.Path(__file__).with_name("wall_clock.c")
EXPIRED = "504 DEADLINE_EXCEEDED"
TOLERANCE_S = 30  # Of a timestamp, on a machine that is busy; a step is a hundred times that.


class WallClock:
    """The wall clock of servers that are started with its `environment`: wall_clock.c."""

    def __init__(self, folder):
        if not shutil.which("cc"):
            pytest.skip("needs a C compiler")
        self.library = folder / "wall_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, SHIM], check=True)
        file = folder / "wall-clock-offset"
        file.write_bytes(bytes(mmap.PAGESIZE))
        with open(file, "r+b") as opened:
            self._page = mmap.mmap(opened.fileno(), 0)
        self.environment = {"LD_PRELOAD": str(self.library), "WALL_CLOCK_OFFSET_FILE": str(file)}
        self.offset_s = 0

    def step_to(self, offset_s):
        """From now on the clock is off by that much from the machine's."""
        struct.pack_into("q", self._page, 0, offset_s)
        self.offset_s = offset_s

    def check_loaded(self, server):
        """Every process of the server has the clock, workers included."""
        for pid in [server.supervisor, server.gateway(), server.zygote(), *server.workers()]:
            assert str(self.library) in pathlib.Path(f"/proc/{pid}/maps").read_text(), pid

    def check_timestamps(self, server):
        """Supervisor and gateway write a line each, and its time is that of the clock."""
        for name, provoke in (("reload-asked", lambda: kill(server.supervisor, signal.SIGHUP)),
                              ("quarantine-cleared", lambda: clear_quarantine(server))):
            before = len(server.events(name))
            provoke()
            event = server.await_event(name, before + 1)[before]
            off = datetime.datetime.fromisoformat(event["time"]).timestamp() - time.time()
            assert abs(off - self.offset_s) < TOLERANCE_S, (event, self.offset_s)


def clear_quarantine(server):
    assert server.request("DELETE", "/debug/quarantine", port=server.admin_port)[0] == 200


@pytest.fixture
def clock(tmp_path):
    return WallClock(tmp_path)


@pytest.fixture
def models(fake_model):
    return fake_model(rule("slow", ms=SLOW_MS), service_ms=SERVICE_MS, busy="false")


def answer_on(fault, connection, label):
    """Reads an answer on a connection that stays open, and books it; gives its headers."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    answer = json.loads(response.read())
    fault.add({outcome_of(response.status, answer, label): 1})
    return response.headers


def check_nobody_blamed(server):
    """No death, no refusal, no second try: nothing has waited too long in anybody's eyes."""
    assert server.metric("holdfast_worker_exits_total") == 0
    assert server.metric("holdfast_items_rescued_total") == 0
    assert server.metric("holdfast_refused_total") == 0
    assert not server.events("worker-died") and not server.events("gateway-died")


@pytest.mark.timeout(1500)
def test_f53_steps_of_the_wall_clock_are_noticed_by_nobody(
        fault, serve, clock, models, tmp_path):
    """At each step a request is half sent, one is under way and a connection is idle."""
    good, slow = post(gray(GOOD)), post(gray(BAD))
    steps = itertools.cycle(STEPS.items())
    with serve("--workers", "2", environment=clock.environment, models=models) as server:
        clock.check_loaded(server)
        clock.check_timestamps(server)
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.4 * CAPACITY,
                          seconds=fault.pick(9, 600), seed=53)
        with closing([connect(server)]) as kept, \
                grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            def step():
                name, offset_s = next(steps)
                with closing([connect(server), connect(server)]) as (half, running):
                    half.sendall(good[:40])
                    running.sendall(slow)
                    wait_until(lambda: server.metric("holdfast_requests_in_flight") > 0, "a start")
                    clock.step_to(offset_s)
                    fault.inject(f"step to {name}")
                    half.sendall(good[40:])
                    kept[0].sendall(good)
                    for connection, label in ((half, GOOD), (running, BAD), (kept[0], GOOD)):
                        answer_on(fault, connection, label)
                assert grpc_health(channel) == "SERVING"
                clock.check_timestamps(server)
            every(fault.pick(1.0, 10.0), load, step)
        result = fault.settle(load)
        fault.note(f"slowest answer to the load {result['max_ms']:.0f} ms")
        assert sum(fault.injected.values()) >= fault.pick(6, 50)
        assert set(fault.injected) == {f"step to {name}" for name in STEPS}
        check_nobody_blamed(server)


def retry_hints(fault, server, *, rate, seconds):
    """Offers too much; gives the hints of those that were refused, in milliseconds."""
    request, hints = post(gray(GOOD)), []

    async def ask(_):
        status, headers, answer = await exchange(server.port, request)
        if status == 503:
            hint = answer["retry_after_ms"]
            assert int(headers["retry-after"]) == math.ceil(hint / 1000)
            hints.append(hint)
        return outcome_of(status, answer, GOOD)
    fault.add(open_loop(rate, seconds, ask), ["503 OVERLOADED", EXPIRED])
    assert fault.outcomes[EXPIRED] <= 0.2 * rate * seconds  # F16 asks for less, with less at once.
    return hints


def test_x12_the_clock_goes_back_an_hour_in_keep_alive_overload_and_drain(
        fault, serve, clock, models):
    keep_alive_s = fault.pick(2, 75)
    # The default deadline is for the overload; these are to be answered however busy we are.
    request, slow = (post(gray(label), x_request_timeout_ms=20_000) for label in (GOOD, BAD))
    with serve("--workers", "2", "--keep-alive-s", keep_alive_s, "--deadline-default-ms", "1000",
               "--lame-duck-s", "1", environment=clock.environment, models=models) as server:
        def back_an_hour():
            clock.step_to(clock.offset_s - HOUR_S)
            fault.inject("step of -1 h")

        # Idle connections stay as long as promised, and no longer.
        with closing([connect(server) for _ in range(20)]) as idle:
            for share in (0.0, 0.8):
                threading.Event().wait(share * keep_alive_s)  # Idle, as a pool's connection is.
                assert not any(map(closed_by_server, idle)), "closed before its time"
                for connection in idle:
                    connection.settimeout(30)
                    connection.sendall(request)
                for connection in idle:
                    answer_on(fault, connection, GOOD)
                used = time.monotonic()
                back_an_hour()
            clock.check_timestamps(server)
            wait_until(lambda: all(map(closed_by_server, idle)), "idle ones are closed",
                       keep_alive_s + 10)
            idled = time.monotonic() - used
        assert 0.95 * keep_alive_s <= idled <= keep_alive_s + 3
        check_nobody_blamed(server)

        # Refusals say when to come back, as ever.
        back_an_hour()
        hints = retry_hints(fault, server, rate=4 * CAPACITY, seconds=fault.pick(1, 30))
        assert len(hints) > 50 and 1000 <= min(hints) and max(hints) <= 5000
        assert server.metric("holdfast_refused_total", reason="OVERLOADED") == len(hints)

        # The drain waits for who is there, and for nobody else.
        with closing([connect(server) for _ in range(4)]) as last:
            for connection in last:
                connection.sendall(slow)
            wait_until(lambda: server.metric("holdfast_requests_in_flight") == len(last), "4 in it")
            start = time.monotonic()
            os.kill(server.supervisor, signal.SIGTERM)
            server.await_event("draining")
            back_an_hour()
            for connection in last:
                assert answer_on(fault, connection, BAD)["Connection"] == "close"
            assert server.wait() == 0
            took = time.monotonic() - start
        fault.note(f"closed after {idled:.1f} s of idling, promised {keep_alive_s} s; hints of "
                   f"{min(hints)} to {max(hints)} ms; drained in {took:.1f} s")
        assert took < 5
        drained = server.events("drained")[0]
        assert drained["abandoned"] == 0
        off = datetime.datetime.fromisoformat(drained["time"]).timestamp() - time.time()
        assert abs(off - clock.offset_s) < TOLERANCE_S
