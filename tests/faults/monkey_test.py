# SPDX-License-Identifier: Apache-2.0
"""Everything at random, replayable by its seed."""

import collections
import random
import re
import signal
import threading
import time

import pytest

from tests.faults.clients import connect, outcome_over, open_loop, post, reset
from tests.faults.injection import NAMES
from tests.faults.ledger import Baseline
from tests.faults.pictures import OTHER_BAD, bombs
from tests.process.fake_rules import BAD, rule
from tests.process.gray import gray
from tests.process.running_server import Server, kill, wait_until

SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS
HANG_FLOOR_MS = 500
GOOD_LABELS = (0, 1, 2, 3, 4, 5, 9)  # The rest hurt, each in its way.
SPINNING = 6
CLIENT_TIMEOUT_S = 15  # Above every deadline: who waits longer hangs.

# What a client may be told, by api/errors.md; everything but 200 ends here or is a failure.
REFUSALS = ("503 OVERLOADED", "503 NO_WORKER", "504 DEADLINE_EXCEEDED")
POISONED = ("500 REQUEST_CRASHED_WORKER", "500 REQUEST_QUARANTINED", "503 OVERLOADED")


def seconds_of(text, otherwise):
    """40s, 30m or 8h."""
    match = re.fullmatch(r"(\d+)([smh])", text or "")
    if not match:
        return otherwise
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


class Monkey:
    """Draws a fault and a pause from the seed, again and again. Times are kept as windows."""

    def __init__(self, fault, server, seed):
        self.fault = fault
        self.server = server
        self.port = server.port
        self.rng = random.Random(seed)
        self.dark = []  # [begin, end] while no worker lived, or no gateway.
        self.gateway_deaths = 0
        self.shade = 0
        self.bombs = [image for image, _ in bombs().values() if len(image) < 100_000]
        self.faults = {
            self.kill_worker: 30, self.signal_worker: 20, self.stop_worker: 12,
            self.stop_and_go: 12, self.kill_all: 4, self.kill_zygote: 3, self.poison: 10,
            self.bomb: 15, self.abort: 20, self.slow: 8, self.overload: 6, self.kill_gateway: 1}

    def play(self, seconds, pause):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            act = self.rng.choices(list(self.faults), list(self.faults.values()))[0]
            act()
            threading.Event().wait(self.rng.uniform(0.2, 1.8) * pause)

    # --- Faults; each takes what it needs from the generator first, so that a seed replays ---

    def _worker(self):
        number = self.rng.random()
        workers = self.server.workers()
        return workers[int(number * len(workers))] if workers else None

    def _hurt(self, pid, number):
        if pid and kill(pid, number):
            self.fault.inject(f"{NAMES[number]} to a worker")
            if len([worker for worker in self.server.workers() if worker != pid]) == 0:
                self._darkness()

    def _darkness(self):
        """From now on until all are back: refusals do not count against the server."""
        begin = time.monotonic()
        self.server.await_workers(2)
        self.dark.append((begin - 0.1, time.monotonic() + 0.5))

    def kill_worker(self):
        self._hurt(self._worker(), signal.SIGKILL)

    def signal_worker(self):
        number = self.rng.choice([signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL,
                                  signal.SIGFPE, signal.SIGTERM])
        self._hurt(self._worker(), number)

    def stop_worker(self):
        self._hurt(self._worker(), signal.SIGSTOP)

    def stop_and_go(self):
        pause = self.rng.uniform(0.2, 1.5) * HANG_FLOOR_MS / 1000
        pid = self._worker()
        self._hurt(pid, signal.SIGSTOP)
        threading.Event().wait(pause)
        if pid:
            kill(pid, signal.SIGCONT)

    def kill_all(self):
        begin = time.monotonic()
        for pid in self.server.workers():
            if kill(pid):
                self.fault.inject("SIGKILL to all workers at once")
        self.server.await_workers(2)
        self.dark.append((begin - 0.1, time.monotonic() + 0.5))

    def kill_zygote(self):
        for pid in self.server.children("zygote"):
            if kill(pid):
                self.fault.inject("SIGKILL to the zygote")

    def kill_gateway(self):
        begin = time.monotonic()
        kill(self.server.gateway())
        self.gateway_deaths += 1
        self.fault.inject("SIGKILL to the gateway")
        threading.Event().wait(0.05)
        wait_until(lambda: is_answered(self.server), "a new gateway serves")
        self.server.await_workers(2)
        self.dark.append((begin - 1.0, time.monotonic() + 0.5))

    def _send(self, requests, expected, rate=50):
        """Requests of the monkey's own, booked in their turn."""
        words = open_loop(rate, len(requests) / rate, lambda number: outcome_over(
            self.port, requests[number], None, timeout=CLIENT_TIMEOUT_S))
        self.fault.add(words, expected)

    def poison(self):
        label = self.rng.choice([BAD, OTHER_BAD, SPINNING])
        self.shade = (self.shade + 1) % 20
        self.fault.inject("poison picture")
        begin = time.monotonic()
        self._send([post(gray(label, shade=self.shade))] * 2, POISONED)
        # Two workers died of it: for a moment, there may have been none.
        self.server.await_workers(2)
        self.dark.append((begin - 0.1, time.monotonic() + 0.5))

    def bomb(self):
        image = self.rng.choice(self.bombs)
        self.fault.inject("bomb")
        self._send([post(image)], ("422 IMAGE_TOO_LARGE", "415 UNSUPPORTED_MEDIA", *REFUSALS))

    def abort(self):
        request = post(gray(self.rng.choice(GOOD_LABELS)))
        cuts = [self.rng.randrange(1, len(request) + 1) for _ in range(self.rng.randrange(1, 30))]
        for cut in cuts:
            connection = connect(self.server)
            connection.sendall(request[:cut])
            reset(connection)
        self.fault.inject("RST at a random byte", len(cuts))

    def slow(self):
        pieces = self.rng.randrange(2, 20)
        connection = connect(self.server)
        try:
            for _ in range(pieces):
                connection.send(b"x")
                threading.Event().wait(0.02)
        except OSError:
            pass  # It may be refused at any byte.
        finally:
            connection.close()
        self.fault.inject("slow client that leaves")

    def overload(self):
        times = self.rng.choice([2, 4, 8])
        self.fault.inject(f"step to {times} × capacity")
        begin = time.monotonic()
        request = post(gray(self.rng.choice(GOOD_LABELS)))
        self._send([request] * int(times * CAPACITY), REFUSALS, rate=times * CAPACITY)
        self.dark.append((begin - 0.1, time.monotonic() + 2.0))  # Refusing is right, then.


def is_answered(server):
    try:
        return server.get("/ping")[0] == 200
    except OSError:
        return False


def good_traffic(monkey, rate, stop, words):
    """Open loop of photos whose answer is known: (due, latency, word) each."""
    port = monkey.port
    requests = {label: post(gray(label)) for label in GOOD_LABELS}

    async def one(number):
        label = GOOD_LABELS[number % len(GOOD_LABELS)]
        begin = time.monotonic()
        word = await outcome_over(port, requests[label], label, timeout=CLIENT_TIMEOUT_S)
        words.append((begin, time.monotonic() - begin, word))
        return word
    while not stop.is_set():
        open_loop(rate, 5, one)


@pytest.mark.timeout(10 * 3600)
def test_x15_everything_at_random(fault, fake_model, tmp_path, request):
    option = request.config.getoption
    seconds = seconds_of(option("duration"), fault.pick(20, 1800))
    seed = option("seed")
    print(f"monkey: seed {seed}, {seconds} s")
    models = fake_model(rule("segv", BAD) + rule("exit", OTHER_BAD) + rule("spin", SPINNING),
                        service_ms=SERVICE_MS, busy="false")
    with Server(tmp_path, "--workers", "2", "--hang-floor-ms", HANG_FLOOR_MS, "--restarts-max",
                "1000", models=models) as server:
        baseline = Baseline(server, (gray(2), 2))
        monkey = Monkey(fault, server, seed)
        words, stop = [], threading.Event()
        traffic = threading.Thread(
            target=good_traffic, args=[monkey, 0.3 * CAPACITY, stop, words])
        traffic.start()
        try:
            monkey.play(seconds, pause=fault.pick(0.5, 2.0))
        finally:
            stop.set()
            traffic.join()
        check_traffic(fault, monkey, words, seed)
        baseline.check()
        assert server.stop() == 0


def check_traffic(fault, monkey, words, seed):
    """Nobody hangs, no answer is wrong, and outside of dark windows nearly all are 200."""
    lost_with_gateway = ("reset", "refused") if monkey.gateway_deaths else ()
    fault.add(collections.Counter(word for _, _, word in words), REFUSALS + lost_with_gateway)
    hung = [word for _, _, word in words if word == "timeout"]
    assert not hung, f"{len(hung)} clients hang"

    def in_the_dark(begin, latency):
        return any(begin <= until and begin + latency >= since for since, until in monkey.dark)
    light = [word for begin, latency, word in words if not in_the_dark(begin, latency)]
    share = light.count("200") / max(1, len(light))
    fault.note(f"seed {seed}; outside of dark windows {light.count('200')} of {len(light)} are "
               f"200 ({share:.2%}); {monkey.gateway_deaths} gateway deaths")
    assert len(light) > 100
    assert share >= 0.999, collections.Counter(light)
    if not monkey.gateway_deaths:
        assert set(fault.outcomes) & {"reset", "refused"} == set()
