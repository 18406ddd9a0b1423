# SPDX-License-Identifier: Apache-2.0
"""Memory that runs out: a worker pays for it, never the supervisor."""

import collections
import signal
import subprocess
import threading
import time

import pytest

from tests.faults.injection import check_deaths
from tests.faults.ledger import outcome_of
from tests.faults.machine import cgroup
from tests.faults.pictures import grays, jpeg
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import (BIN, TINY, Server, private_mib, state_of,
                                           wait_until)

MIB = 1 << 20
SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS
LEAK_MIB = 5


def usage(group):
    """What cannot be given back: without the page cache."""
    return group.number("memory.stat", "rss") + group.number("memory.stat", "mapped_file")


def test_f11_the_kernel_kills_a_leaking_worker_and_no_request_is_lost(
        fault, serve, fake_model, tmp_path):
    models = fake_model(rule("leak", leak_mib=LEAK_MIB), service_ms=SERVICE_MS, busy="false")
    with cgroup("memory") as group, serve("--workers", "2", wrapper=group.wrapper,
                                          quiet=False, models=models) as server:
        group["memory.limit_in_bytes"] = group.number("memory.usage_in_bytes") + 60 * MIB
        before = group.number("memory.oom_control", "oom_kill")
        seconds = fault.pick(6, 120)
        good = fault.load(server, grays(tmp_path, GOOD), rate=0.35 * CAPACITY, seconds=seconds)
        leaks = fault.load(server, grays(tmp_path, BAD, count=5), rate=0.05 * CAPACITY,
                           seconds=seconds, seed=2)
        fault.settle(good)
        fault.inject(f"picture that leaks {LEAK_MIB} MiB", fault.settle(leaks)["offered"])
        kills = group.number("memory.oom_control", "oom_kill") - before
        fault.inject("kill by the kernel for memory", kills)
        assert kills >= 1
        deaths = check_deaths(server, kills, cause="out-of-memory", words="signal 9")
        limit = str(group.number("memory.limit_in_bytes") // MIB)
        assert all(limit in death["explanation"] for death in deaths), deaths[0]["explanation"]
        assert server.metric("holdfast_worker_exits_total") == kills
        assert state_of(server.supervisor) and not server.events("gateway-died")
        # Three kills within a minute cost a worker its place for a while.
        assert bool(server.events("fewer-workers")) == (kills >= 3)
        server.check_quiet()


def test_f12_too_little_memory_for_one_worker_is_refused_at_start(fault, tmp_path):
    with cgroup("memory", memory__limit_in_bytes=6 * MIB) as group:
        fault.inject("limit of 6 MiB")
        command = [*group.wrapper, BIN / "holdfast", "serve", "--model-repository", TINY,
                   "--bind-address", "127.0.0.1", "--http-port", "0", "--grpc-port", "0",
                   "--admin-port", "0"]
        start = time.monotonic()
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=60, check=False)
        took = time.monotonic() - start
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
        fault.note(f"ended after {took:.1f} s with {done.returncode}")
        assert done.returncode not in (0, -signal.SIGKILL), last
        assert took < 10
        assert done.stderr.count("zygote-started") <= 1, "it was tried again"
        assert "6" in last and "MiB" in last and "memory" in last, last


def test_f13_a_limit_that_is_lowered_while_serving(fault, serve, fake_model, tmp_path):
    models = fake_model(rule("leak", leak_mib=40), service_ms=SERVICE_MS, busy="false")
    with cgroup("memory") as group, serve("--workers", "2", wrapper=group.wrapper, quiet=False,
                                          models=models) as server:
        for picture in range(4):
            fault.ask(server, gray(BAD, shade=picture), BAD)
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY, seconds=5)
        # A limit below what is in use is not taken, so most of what is free is used up first.
        limit = group.number("memory.usage_in_bytes") + 20 * MIB
        group["memory.limit_in_bytes"] = limit
        fault.inject("limit lowered to use + 20 MiB")
        more = [fault.ask(server, gray(BAD, shade=5 + turn), BAD) for turn in range(6)]
        fault.settle(load)
        assert [status for status, _, _ in more] == [200] * 6
        kills = group.number("memory.oom_control", "oom_kill")
        fault.inject("kill by the kernel for memory", kills)
        assert kills >= 1
        check_deaths(server, kills, cause="out-of-memory")
        wait_until(lambda: server.metric("holdfast_workers_ready") >= 1, "it serves on")
        group["memory.limit_in_bytes"] = -1


@pytest.mark.timeout(2400)
def test_f14_workers_that_grow_are_replaced_one_by_one(fault, serve, fake_model, tmp_path):
    models = fake_model(rule("leak", label=None, leak_mib=1), service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", "--worker-growth-max", "16MiB", models=models) as server:
        seconds = fault.pick(12, 1800)
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.06 * CAPACITY, seconds=seconds)
        samples = []
        while load.running:
            samples.append((max(map(private_mib, server.workers()), default=0),
                            server.metric("holdfast_workers_ready")))
            threading.Event().wait(0.2)
        result = fault.settle(load)
        peak = max(memory for memory, _ in samples)
        ready = min(workers for _, workers in samples)
        fault.inject("answer that leaks 1 MiB", result["offered"])
        exits = server.metric("holdfast_worker_exits_total", cause="outgrown")
        fault.note(f"{exits:.0f} replaced, {peak:.0f} MiB at most, {ready:.0f} ready at least")
        assert exits >= 2 and peak < 16 + 80 and ready >= 1
        assert server.events("worker-outgrown")


def test_x11_large_pictures_under_a_tight_limit_then_sigterm(fault, tmp_path):
    """24 megapixels many times at once: workers may die, supervisor and gateway may not."""
    photo = jpeg(6000, 4000)
    with cgroup("memory") as group, Server(tmp_path, "--workers", "2", "--deadline-default-ms",
                                           "20000", wrapper=group.wrapper, models=TINY) as server:
        status, _, answer = server.classify(photo)
        label = answer["predictions"][0]["index"]
        assert status == 200
        group["memory.limit_in_bytes"] = group.number("memory.usage_in_bytes") + 100 * MIB

        def send(image, count):
            fault.inject(f"24-megapixel picture of {len(image) / MIB:.1f} MiB", count)
            answers = []

            def ask():
                got, _, body = server.classify(image)
                answers.append(outcome_of(got, body, label))
            askers = [threading.Thread(target=ask) for _ in range(count)]
            for asker in askers:
                asker.start()
            return answers, askers

        def book(answers, askers):
            for asker in askers:
                asker.join()
            assert len(answers) == len(askers)
            fault.add(collections.Counter(answers),
                      ["503 OVERLOADED", "503 DRAINING", "500 REQUEST_CRASHED_WORKER",
                       "500 REQUEST_QUARANTINED"])

        answers, askers = send(photo, 64)
        wait_until(lambda: len(answers) >= 8, "some are answered")
        server.process.send_signal(signal.SIGTERM)
        fault.inject("SIGTERM")
        book(answers, askers)
        assert "200" in answers, answers
        fault.note(f"{group.number('memory.oom_control', 'oom_kill')} killed by the kernel")
        assert server.wait() == 0
        assert not server.events("gateway-died")
