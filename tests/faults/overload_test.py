# SPDX-License-Identifier: Apache-2.0
"""More work than the workers can do, and work that nobody waits for any more."""

import random
import threading
import time

import pytest

from tests.faults.clients import Crowd, Prober, open_loop, outcome_over, post
from tests.faults.injection import Killer, every
from tests.faults.ledger import latencies, outcome_of, quantile
from tests.faults.pictures import bombs, grays, padded
from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import measure_capacity, private_mib, wait_until

SERVICE_MS = 10
DEADLINE_MS = 1000
OVERLOADED = "503 OVERLOADED"
EXPIRED = "504 DEADLINE_EXCEEDED"
REFUSAL_MS = 100  # Of the slowest hundredth, on a machine that the load generator shares.


def overloaded(serve, fake_model, *arguments, **keywords):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    return serve("--workers", "2", "--deadline-default-ms", DEADLINE_MS, *arguments, models=models,
                 **keywords)


def test_f16_goodput_stays_when_the_load_is_a_multiple_of_the_capacity(
        fault, serve, fake_model, tmp_path):
    with overloaded(serve, fake_model) as server:
        photos = grays(tmp_path, GOOD)
        capacity = measure_capacity(server, photos, connections=8, seconds=2)
        for times in (0.5, 2, 5, 10):
            with Prober(server) as prober:
                load = fault.load(server, photos, rate=times * capacity,
                                  seconds=fault.pick(4, 60), seed=16)
                result = fault.settle(load, [OVERLOADED, EXPIRED])
            slowest = prober.check_always_200(0.5)
            if times < 1:
                assert result["ok"] == result["offered"]
                continue
            fault.inject(f"step to {times} × capacity")
            refused = quantile(latencies(result, OVERLOADED), 0.99)
            share = result["rate"] / capacity
            fault.note(f"{times}×: goodput {share:.2f} of capacity, p99 {result['p99_ms']:.0f} ms, "
                       f"refused p99 {refused:.0f} ms, ping {slowest * 1000:.0f} ms")
            assert share >= 0.9
            assert result["p99_ms"] <= DEADLINE_MS + 100
            assert refused < REFUSAL_MS
            assert result["outcomes"].get(EXPIRED, 0) <= 0.01 * result["offered"]
        refused = server.metric("holdfast_refused_total", reason="OVERLOADED")
        assert refused == fault.outcomes[OVERLOADED] > 0
        start = time.monotonic()
        assert fault.ask(server, gray(GOOD), GOOD)[0] == 200
        assert time.monotonic() - start < 2
    goodput_with_short_deadlines(fault, serve, fake_model, tmp_path)


def goodput_with_short_deadlines(fault, serve, fake_model, tmp_path):
    """Five service times are the whole patience: what is admitted too much is work for nothing."""
    service_ms, workers = 100, 4  # They wait; enough of both, so that our own pauses do not count.
    deadline_ms, capacity = 5 * service_ms, workers * 1000 / service_ms
    photos = grays(tmp_path, GOOD)
    with serve("--workers", workers, "--deadline-default-ms", deadline_ms,
               models=fake_model(service_ms=service_ms, busy="false")) as server:
        for times, share_min in ((2, 0.95), (4, 0.92)):
            load = fault.load(server, photos, rate=times * capacity, seconds=fault.pick(5, 60),
                              seed=160 + times)
            result = fault.settle(load, [OVERLOADED, EXPIRED])
            fault.inject(f"step to {times} × capacity, deadline of five service times")
            share = result["rate"] / capacity
            fault.note(f"{times}×, deadline {deadline_ms} ms: goodput {share:.2f}, p99 "
                       f"{result['p99_ms']:.0f} ms")
            assert share >= share_min
            assert result["p99_ms"] <= deadline_ms + 50
            assert result["outcomes"].get(EXPIRED, 0) <= 0.01 * result["offered"]
        assert server.metric("holdfast_refused_total", reason="OVERLOADED") > 0
        assert server.metric("holdfast_worker_exits_total") == 0


def test_f17_large_bodies_are_bounded_by_their_bytes(fault, serve, fake_model, tmp_path):
    budget_mib = 48
    body = tmp_path / "6mib.png"
    body.write_bytes(padded(gray(GOOD), 6 << 20))
    models = fake_model(service_ms=200, busy="false")  # Ten a second.
    with serve("--workers", "2", "--queue-bytes-max", f"{budget_mib}MiB", "--deadline-default-ms",
               "50000", models=models) as server:
        before = private_mib(server.gateway())
        load = fault.load(server, [(body, GOOD)], rate=50, seconds=fault.pick(5, 60), timeout=30)
        held = peak = 0.0
        while load.running:
            held = max(held, server.metric("holdfast_held_bytes") / (1 << 20))
            peak = max(peak, private_mib(server.gateway()))
            threading.Event().wait(0.1)
        result = fault.settle(load, [OVERLOADED])
        fault.inject("body of 6 MiB", result["offered"])
        fault.note(f"{held:.0f} MiB held, gateway grew by {peak - before:.0f} MiB")
        assert budget_mib / 2 < held <= budget_mib
        assert peak - before <= budget_mib + 64
        assert result["outcomes"][OVERLOADED] > 0
        assert result["ok"] >= 0.8 * 10 * fault.pick(5, 60)


def test_f18_expired_and_abandoned_work_is_not_done(fault, serve, fake_model):
    """Half of twice the capacity has 10 ms to live or goes away; the other half is answered."""
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", "--deadline-default-ms", "5000", models=models) as server:
        port = server.port
        good, hasty = post(gray(GOOD)), post(gray(GOOD), x_request_timeout_ms=10)
        rng = random.Random(18)

        async def abandon():
            await outcome_over(port, good, GOOD, timeout=rng.uniform(0.001, 0.02))
            return "abandoned"

        def make(number):
            if number % 2 == 0:
                return outcome_over(port, good, GOOD)
            fault.inject("deadline of 10 ms" if number % 4 == 1 else "client that goes away")
            return outcome_over(port, hasty, GOOD) if number % 4 == 1 else abandon()
        capacity = 2 * 1000 / SERVICE_MS
        outcomes = open_loop(2 * capacity * 0.9, fault.pick(6, 120), make)
        fault.add(outcomes, [OVERLOADED, EXPIRED, "abandoned"])
        wait_until(lambda: server.metric("holdfast_requests_in_flight") == 0, "all has ended")
        inferred = server.metric("holdfast_item_stage_seconds_count", stage="infer")
        sent = sum(outcomes.values())
        fault.note(f"{sent} sent, {outcomes['200']} answered, {inferred:.0f} inferred")
        assert outcomes["200"] >= 0.5 * sent
        assert outcomes[EXPIRED] + outcomes[OVERLOADED] > 0
        assert server.metric("holdfast_requests_abandoned_total") > 0
        assert server.metric("holdfast_worker_exits_total") == 0


def test_f23_a_probe_is_answered_at_ten_times_the_capacity(fault, serve, fake_model, tmp_path):
    with overloaded(serve, fake_model) as server:
        photos = grays(tmp_path, GOOD)
        capacity = 2 * 1000 / SERVICE_MS
        with Prober(server) as prober, Prober(server, "/livez") as second:
            load = fault.load(server, photos, rate=10 * capacity, seconds=fault.pick(4, 60))
            result = fault.settle(load, [OVERLOADED, EXPIRED])
        fault.inject("step to 10 × capacity")
        slowest = max(probe.check_always_200(0.5) for probe in (prober, second))
        fault.note(f"slowest of {len(prober.answers)} probes {slowest * 1000:.0f} ms")
        assert result["outcomes"][OVERLOADED] > result["ok"]


def test_f38_refusals_under_overload_can_be_read_while_uploading(
        fault, serve, fake_model, tmp_path):
    """Python's client loses an answer if the server closes with unread bytes."""
    body = padded(gray(GOOD), 3 << 20)
    with overloaded(serve, fake_model, "--queue-bytes-max", "16MiB") as server:
        load = fault.load(server, grays(tmp_path, GOOD), rate=1000, seconds=fault.pick(5, 30))
        bodies = {"503 OVERLOADED": body, "415 UNSUPPORTED_MEDIA": b"x" * len(body)}
        seen = []
        while load.running:
            for image in bodies.values():
                fault.inject("upload of 3 MiB that is refused")
                status, headers, answer = fault.ask(server, image,
                                                    expected=[*bodies, EXPIRED])
                seen.append(outcome_of(status, answer, GOOD))
                if status == 503:
                    assert int(headers["Retry-After"]) >= 1 and answer["retry_after_ms"] > 0
        fault.settle(load, [OVERLOADED, EXPIRED])
        assert seen.count("503 OVERLOADED") >= 3 and len(seen) >= 10
        fault.note(f"{len(seen)} of {len(seen)} refusals were read")


@pytest.mark.timeout(900)
def test_x01_kills_bombs_and_twice_the_capacity(fault, serve, fake_model, tmp_path):
    corpus = [image for image, _ in bombs().values() if len(image) < 100_000]
    with overloaded(serve, fake_model) as server:
        port = server.port
        photos = grays(tmp_path, GOOD)
        capacity = measure_capacity(server, photos, connections=8, seconds=2)
        seconds = fault.pick(10, 600)
        bomb_requests = [post(image) for image in corpus]

        def bomb(number):
            fault.inject("bomb")
            return outcome_over(port, bomb_requests[number % len(corpus)], None)
        load = fault.load(server, photos, rate=2 * capacity, seconds=seconds, seed=101)
        crowd = Crowd(20, seconds, bomb)
        killer = Killer(fault, server, random.Random(101))
        every(fault.pick(1.0, 5.0), load, killer.one)
        result = fault.settle(load, [OVERLOADED, EXPIRED])
        fault.add(crowd.result(), [OVERLOADED, "422 IMAGE_TOO_LARGE", "415 UNSUPPORTED_MEDIA"])
        share = result["rate"] / capacity
        fault.note(f"goodput {share:.2f} of capacity")
        assert share >= 0.6
        assert quantile(latencies(result, OVERLOADED), 0.99) < REFUSAL_MS
        exits = server.metric("holdfast_worker_exits_total", cause="killed-from-outside")
        assert exits == server.metric("holdfast_worker_exits_total") == len(killer.killed) > 0


def test_x06_a_storm_of_cancellations_and_kills(fault, serve, fake_model):
    """Twice the capacity; a third of the clients leave at a random moment; a kill a second."""
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", "--deadline-default-ms", DEADLINE_MS, models=models) as server:
        port = server.port
        requests = {label: post(gray(label)) for label in range(10)}
        rng = random.Random(106)

        async def leave(request):
            await outcome_over(port, request, None, timeout=rng.uniform(0.0, 0.1))
            return "abandoned"

        def make(number):
            label = number % 10
            if number % 3 == 0:
                fault.inject("client that goes away")
                return leave(requests[label])
            return outcome_over(port, requests[label], label)
        crowd = Crowd(400, fault.pick(6, 300), make)
        killer = Killer(fault, server, random.Random(6))
        while crowd.outcomes is None:
            killer.one()
            threading.Event().wait(1.0)  # The schedule of the kills.
        outcomes = crowd.result()
        fault.add(outcomes, [OVERLOADED, EXPIRED, "abandoned"])
        assert outcomes["200"] > 0.3 * sum(outcomes.values())
        wait_until(lambda: server.metric("holdfast_worker_exits_total") == len(killer.killed),
                   "each kill is counted")
