# SPDX-License-Identifier: Apache-2.0
"""Rolling restarts behind something that fails over: nobody may notice."""

import contextlib
import http.client
import json
import random
import signal
import threading
import time

import pytest

from tests.faults.ledger import outcome_of
from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import Server, wait_until

SERVICE_MS = 10
CLIENTS = 6
PROBE_GAP_S = 0.1
LAME_DUCK_S = 1  # Ten probes: what a load balancer needs to see that readiness is gone.


class Balancer:
    """Knows the instances, asks each for its readiness, and names one that was ready."""

    def __init__(self):
        self.instances = {}  # server: ready
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self._thread.start()

    def _probe(self):
        while not self._end.wait(PROBE_GAP_S):
            for server in list(self.instances):
                ready = False
                with contextlib.suppress(OSError, http.client.HTTPException):
                    ready = server.get("/readyz", timeout=2)[0] == 200
                with self._lock:
                    if server in self.instances:
                        self.instances[server] = ready

    def add(self, server):
        with self._lock:
            self.instances[server] = True

    def remove(self, server):
        with self._lock:
            self.instances.pop(server, None)

    def pick(self, rng):
        with self._lock:
            ready = [server for server, is_ready in self.instances.items() if is_ready]
        return rng.choice(ready)

    def stop(self):
        self._end.set()
        self._thread.join()


class Client:
    """Asks without end, keeps its connection as long as it is told to, retries nothing."""

    def __init__(self, fault, balancer, seed):
        self.fault = fault
        self.balancer = balancer
        self.rng = random.Random(seed)
        self.end = threading.Event()
        self.last_answers = 0  # Those that said Connection: close.
        self._connections = {}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        image = gray(GOOD)
        while not self.end.is_set():
            server = self.balancer.pick(self.rng)
            connection = self._connections.pop(server, None)
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            try:
                connection.request("POST", "/classify", body=image)
                response = connection.getresponse()
                answer = json.loads(response.read())
                self.fault.add({outcome_of(response.status, answer, GOOD): 1})
                if response.getheader("Connection") == "close":
                    self.last_answers += 1
                    connection.close()
                else:
                    self._connections[server] = connection
            except (OSError, http.client.HTTPException) as error:
                self.fault.add({type(error).__name__: 1})
                connection.close()
            self.end.wait(0.02)


@pytest.mark.timeout(3000)
def test_f45_instances_end_one_after_the_other_and_nobody_notices(fault, fake_model, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    rng = random.Random(45)
    balancer = Balancer()
    clients = []
    slowest = 0.0
    with contextlib.ExitStack() as stack:
        stack.callback(balancer.stop)

        def start(number):
            folder = tmp_path / str(number)
            folder.mkdir()
            server = stack.enter_context(Server(folder, "--workers", "2", "--lame-duck-s",
                                                LAME_DUCK_S, models=models))
            balancer.add(server)
            return server
        servers = [start(0), start(1)]
        clients = [Client(fault, balancer, seed) for seed in range(CLIENTS)]
        for turn in range(fault.pick(5, 200)):
            servers.append(start(turn + 2))
            threading.Event().wait(rng.uniform(0.0, 0.5))  # A random moment.
            old = servers.pop(0)
            begun = time.monotonic()
            old.process.send_signal(signal.SIGTERM)
            fault.inject("SIGTERM to an instance")
            assert old.wait(40) == 0
            slowest = max(slowest, time.monotonic() - begun)
            balancer.remove(old)
            assert old.events("drained")[0]["abandoned"] == 0
        for client in clients:
            client.end.set()
        for client in clients:
            client.thread.join()
        fault.note(f"each ended within {slowest:.1f} s; "
                   f"{sum(client.last_answers for client in clients)} answers said close")
        assert slowest < 25
        assert sum(client.last_answers for client in clients) > 0
        assert fault.offered >= fault.pick(500, 20_000)
        for server in servers:
            wait_until(lambda server=server: server.metric("holdfast_requests_in_flight") == 0,
                       "quiet")
            server.check_quiet()
            assert server.stop() == 0
