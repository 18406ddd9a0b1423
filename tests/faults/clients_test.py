# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow, leave early or never read: they may cost themselves, nobody else."""

import contextlib
import http.client
import json
import random
import resource
import shutil
import subprocess
import threading
import time

import pytest

from bench.processes import cpu_seconds
from tests.faults.clients import (Prober, closed_by_server, closing, connect, open_loop,
                                   outcome_over, post, reset)
from tests.faults.ledger import Baseline, outcome_of
from tests.faults.pictures import grays, padded
from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import private_mib, wait_until

SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS
GET_PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def models(fake_model):
    return fake_model(service_ms=SERVICE_MS, busy="false")


def good_load(fault, server, tmp_path, seconds, share=0.4):
    return fault.load(server, grays(tmp_path, GOOD), rate=share * CAPACITY, seconds=seconds)


def check_p99(fault, baseline, result):
    """Good clients notice others' bad manners by a tenth at most, and the machine's noise."""
    # A short run has few samples, and may share its cores with a compiler.
    assert result["p99_ms"] <= 1.1 * baseline["p99_ms"] + fault.pick(1000, 5)


def check_no_worker_noticed(server):
    assert server.metric("holdfast_worker_exits_total") == 0
    assert not server.events("worker-died") and not server.events("gateway-died")


def test_f19_connections_that_are_reset_at_any_byte(fault, serve, models, tmp_path):
    with serve("--workers", "2", models=models) as server:
        load = good_load(fault, server, tmp_path, fault.pick(5, 60))
        request = post(padded(gray(GOOD), 40_000))
        rng = random.Random(19)
        resets = 0
        while load.running:
            connection = connect(server)
            connection.sendall(request[:rng.randrange(1, len(request) + 1)])
            reset(connection)
            fault.inject("RST at a random byte")
            resets += 1
            threading.Event().wait(0.003)
        fault.settle(load)
        assert resets >= fault.pick(300, 5000)
        check_no_worker_noticed(server)
        # Those that were whole were accepted; nobody read their answers.
        assert server.metric("holdfast_requests_unaccounted") == 0


@pytest.mark.timeout(1800)
def test_f33_an_idle_connection_stays_open_as_long_as_promised(fault, serve, models):
    """A load balancer reuses connections until just before the limit: none may be reset."""
    keep_alive = fault.pick(3.0, 75.0)
    count = fault.pick(40, 200)
    with serve("--workers", "2", "--keep-alive-s", int(keep_alive), models=models) as server:
        request = post(gray(GOOD))
        with closing([connect(server) for _ in range(count)]) as connections:
            def use_all():
                for connection in connections:
                    connection.sendall(request)
                for connection in connections:
                    fault.inject("reuse of an idle connection")
                    answer = http.client.HTTPResponse(connection)
                    answer.begin()
                    body = json.loads(answer.read())
                    fault.add({outcome_of(answer.status, body, GOOD): 1})
            use_all()
            for share in fault.pick((0.5, 0.8), (0.8, 0.8, 0.98, 0.98)):
                time.sleep(share * keep_alive)  # Idle, as a pool's connection is.
                assert not any(map(closed_by_server, connections)), "closed before its time"
                for connection in connections:
                    connection.settimeout(30)
                use_all()
            used = time.monotonic()
            wait_until(lambda: all(map(closed_by_server, connections)), "idle ones are closed",
                       keep_alive + 10)
            took = time.monotonic() - used
            fault.note(f"closed after {took:.1f} s of idling, promised {keep_alive:.0f} s")
            assert took >= 0.95 * keep_alive
        check_no_worker_noticed(server)


def test_f34_slow_headers_slow_bodies_and_clients_that_do_not_read(
        fault, serve, models, tmp_path):
    with serve("--workers", "2", "--header-timeout-s", "2", models=models) as server:
        gateway = server.gateway()
        before = private_mib(gateway)
        baseline = fault.settle(good_load(fault, server, tmp_path, fault.pick(3, 20)))
        load = good_load(fault, server, tmp_path, fault.pick(8, 60))
        body = post(padded(gray(GOOD), 400_000))
        with closing([]) as connections:
            for _ in range(fault.pick(200, 700)):
                connections.append(connect(server))
                connections[-1].sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nx-slow: ")
                fault.inject("client with slow headers")
            headers_end = len(connections)
            for _ in range(fault.pick(50, 200)):
                connections.append(connect(server))
                connections[-1].sendall(body[:1000])
                fault.inject("client with a slow body")
            slow_end = len(connections)
            for _ in range(fault.pick(30, 100)):
                connections.append(connect(server, receive_buffer=4096))
                connections[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
                fault.inject("client that does not read")
            peak = 0.0
            while load.running:  # A byte now and then keeps none of them alive.
                for connection in connections[:slow_end]:
                    try:
                        connection.send(b"x")
                    except OSError:
                        pass
                peak = max(peak, private_mib(gateway))
                threading.Event().wait(0.5)
            result = fault.settle(load)
            wait_until(lambda: all(map(closed_by_server, connections[:headers_end])),
                       "slow headers are closed")
            wait_until(lambda: all(map(closed_by_server, connections[headers_end:slow_end])),
                       "slow bodies are closed")
        fault.note(f"p99 {baseline['p99_ms']:.0f} → {result['p99_ms']:.0f} ms; gateway grew by "
                   f"{peak - before:.0f} MiB")
        assert server.metric("holdfast_refused_total", reason="REQUEST_TIMEOUT") >= slow_end * 0.9
        check_p99(fault, baseline, result)
        assert peak - before <= 100
        check_no_worker_noticed(server)


def test_f36_clients_that_close_before_the_answer(fault, serve, models, tmp_path):
    with serve("--workers", "2", models=models) as server:
        load = good_load(fault, server, tmp_path, fault.pick(5, 60))
        request = post(gray(GOOD))
        while load.running:
            connection = connect(server)
            connection.sendall(request)
            connection.close()
            fault.inject("client that closes before the answer")
            threading.Event().wait(0.01)
        fault.settle(load)
        left = fault.injected["client that closes before the answer"]
        wait_until(lambda: server.metric("holdfast_requests_in_flight") == 0, "all have ended")
        accepted = server.metric("holdfast_requests_accepted_total")
        assert accepted == (server.metric("holdfast_requests_answered_total") +
                            server.metric("holdfast_requests_abandoned_total"))
        assert left >= fault.pick(200, 2000)
        check_no_worker_noticed(server)


def test_f37_an_upload_that_is_too_large_gets_a_413_that_can_be_read(
        fault, serve, models):
    """Python's client: it sends all it has before it looks for an answer."""
    with serve("--workers", "2", "--body-bytes-max", "6MiB", models=models) as server:
        tries = fault.pick(10, 100)
        for size in (8 << 20, 64 << 20):
            for _ in range(tries):
                fault.inject(f"upload of {size >> 20} MiB")
                status, _, answer = fault.ask(server, bytes(size),
                                              expected=["413 PAYLOAD_TOO_LARGE"])
                assert status in (0, 413) and answer.get("retryable", False) is False
        for _ in range(tries):
            fault.inject("upload of 8 MiB in chunks")
            pieces = (bytes(1 << 16) for _ in range(128))
            status, _, answer = fault.ask(server, pieces, expected=["413 PAYLOAD_TOO_LARGE"])
            assert status == 413
        for _ in range(tries):
            fault.inject("upload of 64 MiB with Expect")
            with closing([connect(server)]) as (connection,):
                connection.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\n"
                                   b"Expect: 100-continue\r\nContent-Length: 67108864\r\n\r\n")
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                body = json.loads(answer.read())
                fault.add({outcome_of(answer.status, body, None): 1}, ["413 PAYLOAD_TOO_LARGE"])
        refused = server.metric("holdfast_refused_total", reason="PAYLOAD_TOO_LARGE")
        assert refused == fault.refused == fault.offered == 4 * tries
        check_no_worker_noticed(server)


def test_f39_no_descriptors_are_left(fault, serve, models):
    """64 descriptors and more clients than that: those inside are served, the others wait."""
    with serve("--workers", "2", models=models) as server:
        gateway = server.gateway()
        port = server.port
        limits = resource.prlimit(gateway, resource.RLIMIT_NOFILE)
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

        def ask_on_kept(path="/classify", image=gray(GOOD)):
            kept.request("POST" if image else "GET", path, body=image)
            answer = kept.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if image else None
        ask_on_kept()
        resource.prlimit(gateway, resource.RLIMIT_NOFILE, (64, limits[1]))
        try:
            with closing([]) as crowd:
                for _ in range(fault.pick(300, 500)):
                    crowd.append(connect(server))
                    fault.inject("connection beyond 64 descriptors")
                wait_until(lambda: server.events("accept"), "the log says why")
                start, cpu = time.monotonic(), cpu_seconds(gateway)
                lines = len(server.events("accept"))
                while time.monotonic() - start < 3:
                    assert ask_on_kept("/ping", None)[0] == 200
                    status, answer = ask_on_kept()
                    fault.add({outcome_of(status, answer, GOOD): 1})
                    time.sleep(0.05)  # A tenth of the capacity.
                busy = (cpu_seconds(gateway) - cpu) / (time.monotonic() - start)
                rate = (len(server.events("accept")) - lines) / (time.monotonic() - start)
        finally:
            resource.prlimit(gateway, resource.RLIMIT_NOFILE, limits)
        start = time.monotonic()
        wait_until(lambda: server.get("/ping")[0] == 200, "new connections are taken again")
        recovered = time.monotonic() - start
        kept.close()
        fault.note(f"gateway at {busy:.0%} of a CPU, {rate:.1f} log lines/s, recovered in "
                   f"{recovered:.2f} s")
        assert busy < 0.15 and rate <= 1.2 and recovered < 2
        assert "open files" in server.events("accept")[0]["error"].lower()
        check_no_worker_noticed(server)


def test_f40_thousands_of_idle_connections(fault, serve, models, tmp_path):
    count = fault.pick(3000, 10_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 200:
        pytest.skip(f"at most {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with serve("--workers", "2", "--connections-max", count + 100, models=models,
                   quiet=False) as server:
            fresh = private_mib(server.gateway())
            with closing([]) as idle:
                for _ in range(count):
                    idle.append(connect(server))
                wait_until(lambda: server.metric("holdfast_connections") >= count, "all taken")
                each = (private_mib(server.gateway()) - fresh) * 1024 / count
                assert each <= 16
            wait_until(lambda: server.metric("holdfast_connections") < 10, "all are gone")
            # Some of what the first ones needed is kept for the next ones, which need no more.
            baseline = Baseline(server, (gray(GOOD), GOOD))
            kept = (baseline.memory[1] - fresh) * 1024 / count
            alone = fault.settle(good_load(fault, server, tmp_path, fault.pick(3, 20)))
            with closing([]) as idle:
                for _ in range(count):
                    idle.append(connect(server))
                    fault.inject("idle connection")
                for connection in idle[::10]:
                    connection.sendall(GET_PING)
                wait_until(lambda: server.metric("holdfast_connections") >= count, "all taken")
                result = fault.settle(good_load(fault, server, tmp_path, fault.pick(4, 60)))
            fault.note(f"{each:.1f} KiB a connection, {kept:.1f} of them kept; p99 "
                       f"{alone['p99_ms']:.0f} → {result['p99_ms']:.0f} ms")
            check_p99(fault, alone, result)
            check_no_worker_noticed(server)
            baseline.check()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def failing_calls(pid, injection, trace):
    """System calls of a process fail, as strace's `inject` has it; `trace` gets their account."""
    call = injection.split(":", maxsplit=1)[0]
    tracer = subprocess.Popen(["strace", "-f", "-p", str(pid), "-e", f"trace={call}", "-e",
                               f"inject={injection}", "-o", trace], stderr=subprocess.PIPE,
                              text=True)
    try:
        if "attached" not in tracer.stderr.readline():
            pytest.skip("strace may not attach here")
        yield
    finally:
        tracer.terminate()
        tracer.wait()


def test_f41_system_calls_of_the_gateway_fail(fault, serve, models, tmp_path):
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    injections = ["accept,accept4:error=EMFILE:when=3+4",
                  "accept,accept4:error=ECONNABORTED:when=2+3",
                  "accept,accept4:error=ENOMEM:when=2+3", "epoll_wait:error=EINTR:when=5+5"]
    with serve("--workers", "2", models=models) as server:
        port = server.port
        request = post(gray(GOOD))
        trace = tmp_path / "strace"

        def book(injection):
            happened = trace.read_text().count("(INJECTED)")
            assert happened > 0, f"{injection} did not happen"
            fault.inject(injection.split(":when")[0].replace(":error=", " fails with "), happened)

        for injection in injections:
            with failing_calls(server.gateway(), injection, trace):
                fault.add(open_loop(0.2 * CAPACITY, fault.pick(1.5, 20),
                                    lambda _: outcome_over(port, request, GOOD)))
            book(injection)
        # A lone client: nobody comes after it, whose arrival would wake the acceptor for both.
        for error in "EMFILE", "ECONNABORTED", "ENOMEM", "EPROTO":
            injection = f"accept,accept4:error={error}:when=1+2"
            with failing_calls(server.gateway(), injection, trace):
                for _ in range(fault.pick(5, 50)):
                    fault.add(open_loop(1, 1, lambda _: outcome_over(port, request, GOOD, 3)))
            book(injection)
        assert server.events("accept"), "the log names the cause"
        check_no_worker_noticed(server)


def test_x04_slow_clients_and_few_descriptors_leave_the_probe_alone(
        fault, serve, models, tmp_path):
    wrapper = ["prlimit", "--nofile=256:256"]
    with serve("--workers", "2", "--header-timeout-s", "2", "--connections-max", "150",
               models=models, wrapper=wrapper) as server, closing([]) as slow:
        with Prober(server) as prober:
            start = time.monotonic()
            while time.monotonic() - start < fault.pick(6, 60):
                if len(slow) < fault.pick(400, 2000):
                    slow.append(connect(server))
                    slow[-1].sendall(b"GET / HTTP/1.1\r\nx-slow: ")
                    fault.inject("client with slow headers")
                else:
                    threading.Event().wait(0.1)
        slowest = prober.check_always_200(5)
        fault.note(f"{len(prober.answers)} probes, slowest {slowest * 1000:.0f} ms")
        for connection in slow:
            connection.close()
        fault.settle(good_load(fault, server, tmp_path, 2, share=0.2))
