# SPDX-License-Identifier: Apache-2.0
"""Workers that die or stop answering: nobody but the log may notice."""

import os
import pathlib
import random
import shutil
import signal
import stat
import time

import pytest

from tests.faults.injection import Killer, check_deaths, every
from tests.faults.ledger import latencies, quantile
from tests.faults.pictures import fine_grays, grays
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import (BIN, MODELS, PHOTOS, TINY, Server, children_of, kill,
                                           measure_capacity, oracle, state_of, wait_until)

LOAD_SHARE = 0.45  # Of the capacity: with two workers, one alone carries it.
SERVICE_MS = 10  # Of the fake models: waiting, so that the tests do not depend on free CPUs.
CAPACITY = 2 * 1000 / SERVICE_MS
HANG_FLOOR_MS = 400


def kill_under_load(fault, server, photos, *, seconds, gap, rng, signals=(signal.SIGKILL,),
                    offered_min=0):
    """Open-loop load at LOAD_SHARE, and a signal to a random worker every `gap` seconds."""
    rate = LOAD_SHARE * measure_capacity(server, photos, seconds=3)
    seconds = max(seconds, offered_min / rate)
    before = fault.settle(fault.load(server, photos, rate=rate, seconds=3, seed=5))
    load = fault.load(server, photos, rate=rate, seconds=seconds, seed=7)
    killer = Killer(fault, server, rng)
    turn = iter(range(1_000_000))
    every(gap, load, lambda: killer.one(signals[next(turn) % len(signals)]))
    result = fault.settle(load)
    fault.note(f"p99 {before['p99_ms']:.0f} → {result['p99_ms']:.0f} ms, "
               f"{result['rescued']} rescued")
    return before, result, killer


@pytest.mark.timeout(2700)
def test_f01_no_request_is_lost_while_workers_are_killed(fault, serve, tmp_path):
    models = [("tiny", TINY, TINY / "tiny/1", fault.pick(10, 600), fault.pick(0.5, 1.0),
               fault.pick(1_000, 102_000))]
    if fault.long:
        repository = tmp_path / "models"
        (repository / "resnet50").mkdir(parents=True)
        (repository / "resnet50/1").symlink_to(MODELS / "resnet50/1")
        models.append(("resnet50", repository, MODELS / "resnet50/1", 600, 5.0, 3_100))
    for name, repository, folder, seconds, gap, offered_min in models:
        photos = oracle(folder, sorted(PHOTOS.glob("*.jpg")))
        golden = (photos[0][0].read_bytes(), photos[0][1])
        with serve("--workers", "2", models=repository, golden=golden) as server:
            before, result, killer = kill_under_load(
                fault, server, photos, seconds=seconds, gap=gap, rng=random.Random(7),
                offered_min=offered_min)
            fault.note(f"{name}: {result['offered']} offered")
            check_deaths(server, len(killer.killed), cause="killed-from-outside",
                         words="signal 9")
            assert server.metric("holdfast_worker_exits_total") == len(killer.killed)
            assert len(killer.killed) >= 0.8 * seconds / gap
            assert server.metric("holdfast_items_rescued_total") >= 1
            # One respawn and one more inference, with slack for a machine that is shared.
            assert result["p99_ms"] <= before["p99_ms"] + 500
            assert result["offered"] >= 0.95 * offered_min


def test_f02_a_worker_that_crashes_of_any_signal_costs_no_request(
        fault, serve, fake_model, tmp_path):
    signals = (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGBUS, signal.SIGFPE)
    folder = tmp_path / "cwd"
    folder.mkdir()
    # A worker that has answered 30 items exits at the next of class BAD; a fresh one does not.
    models = fake_model(rule("exit", after=30), service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", models=models, cwd=folder) as server:
        for _ in range(35):
            fault.ask(server, gray(GOOD), GOOD)
        fresh = server.workers()[1]
        kill(fresh)
        server.await_workers(2, without=[fresh])
        wait_until(lambda: fault.ask(server, gray(BAD), BAD) and
                   server.metric("holdfast_worker_exits_total", cause="exit") >= 1, "an exit")
        fault.inject("exit of a worker")
        check_deaths(server, 1, cause="exit", words="exit status 3")

        _, _, killer = kill_under_load(
            fault, server, grays(tmp_path, GOOD, count=5), seconds=fault.pick(6, 300), gap=0.5,
            rng=random.Random(11), signals=signals)
        deaths = check_deaths(server, len(killer.killed), cause="signal")
        seen = {death["exit"].split(" (")[0] for death in deaths}
        assert seen == {f"signal {int(number)}" for number in signals}
        assert not list(folder.glob("core*"))
        for pid in server.workers():
            limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
            assert "Max core file size        0 " in limits


def test_f03_all_workers_die_at_once(fault, serve, fake_model, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", models=models) as server:
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.4 * CAPACITY,
                          seconds=fault.pick(6, 120), seed=3)
        killer = Killer(fault, server, random.Random(3))
        every(fault.pick(1.0, 4.0), load, killer.all)
        result = fault.settle(load)
        fault.note(f"longest gap {result['longest_gap_s']:.2f} s")
        check_deaths(server, len(killer.killed), cause="killed-from-outside")
        assert len(killer.killed) >= fault.pick(8, 56)
        assert result["longest_gap_s"] < 2


def test_f04_nothing_survives_the_supervisor(fault, fake_model, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    fault.allow_failed("they were with the server that was killed")
    slowest = 0.0
    for _ in range(fault.pick(4, 50)):
        with Server(tmp_path, "--workers", "2", models=models) as server:
            server.await_workers(2)
            family = [server.gateway(), server.zygote(), *server.workers()]
            load = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY, seconds=1,
                              timeout=3)
            wait_until(lambda: server.metric("holdfast_requests_answered_total") > 10, "load")
            kill(server.process.pid)
            fault.inject("SIGKILL to the supervisor")
            start = time.monotonic()
            assert server.wait() == -signal.SIGKILL
            wait_until(lambda: all(state_of(pid) in ("", "Z") for pid in family), "all ended")
            slowest = max(slowest, time.monotonic() - start)
            result = fault.settle(load)
            assert set(result["outcomes"]) <= {"200", "reset", "refused"}, result
    fault.note(f"all gone within {slowest:.2f} s")
    assert slowest < 2


def test_f05_a_stopped_worker_is_replaced_and_its_item_answered(
        fault, serve, fake_model, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", "--hang-floor-ms", HANG_FLOOR_MS, models=models) as server:
        load = fault.load(server, grays(tmp_path, GOOD), rate=LOAD_SHARE * CAPACITY,
                          seconds=fault.pick(10, 300), seed=5)
        stopper = Killer(fault, server, random.Random(5))
        lived = []

        def stop_one():
            stopper.one(signal.SIGSTOP)
            start = time.monotonic()
            wait_until(lambda: state_of(stopper.killed[-1]) == "", "the stopped worker is gone")
            lived.append(time.monotonic() - start)
        every(2.0, load, stop_one)
        result = fault.settle(load)
        fault.note(f"replaced within {max(lived):.2f} s; slowest answer {result['max_ms']:.0f} ms")
        check_deaths(server, len(stopper.killed), cause="hung", words="signal 9")
        assert server.metric("holdfast_worker_exits_total") == len(stopper.killed)
        assert max(lived) <= HANG_FLOOR_MS / 1000 + 1.5


@pytest.mark.timeout(1500)
def test_f06_a_late_second_answer_reaches_nobody(fault, serve, fake_model, tmp_path):
    """Workers go on at about the time that they are given up: every picture has its own class."""
    models = fake_model(service_ms=SERVICE_MS, busy="false", classes=120)
    with serve("--workers", "2", "--hang-floor-ms", HANG_FLOOR_MS, models=models,
               golden=(gray(GOOD), None)) as server:
        load = fault.load(server, fine_grays(tmp_path), rate=LOAD_SHARE * CAPACITY,
                          seconds=fault.pick(12, 600), seed=6)
        rng = random.Random(6)
        stopper = Killer(fault, server, rng)

        def stop_for_a_while():
            stopper.one(signal.SIGSTOP)
            time.sleep(rng.uniform(0.8, 1.2) * HANG_FLOOR_MS / 1000)  # The fault itself.
            if kill(stopper.killed.pop(), signal.SIGCONT):
                fault.inject("SIGCONT to it")
        every(0.6, load, stop_for_a_while)
        result = fault.settle(load)
        hung = int(server.metric("holdfast_worker_exits_total", cause="hung"))
        stops = fault.injected["SIGSTOP to a worker"]
        fault.note(f"{hung} of {stops} were given up; 120 different answers")
        assert 0 < hung <= stops
        check_deaths(server, hung, cause="hung")
        assert result["offered"] >= fault.pick(900, 10_000)
        assert fault.injected["SIGCONT to it"] > 0


def test_f07_an_image_that_spins_for_ever_costs_two_workers(fault, serve, fake_model, tmp_path):
    models = fake_model(rule("spin"), service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", "--hang-floor-ms", HANG_FLOOR_MS, models=models) as server:
        seconds = fault.pick(6, 120)
        rate = 0.4 * CAPACITY
        good = fault.load(server, grays(tmp_path, GOOD), rate=0.99 * rate, seconds=seconds, seed=1)
        bad = fault.load(server, grays(tmp_path, BAD), rate=0.02 * rate, seconds=seconds, seed=2)
        fault.settle(good)
        outcomes = fault.settle(bad, ["500 REQUEST_CRASHED_WORKER", "500 REQUEST_QUARANTINED"])
        fault.inject("picture that spins", outcomes["offered"])
        assert outcomes["outcomes"].get("200", 0) == 0
        deaths = check_deaths(server, 2, cause="hung")
        assert len({death["digest"] for death in deaths}) == 1
        assert server.metric("holdfast_quarantined_total") == 1


def test_f10_a_worker_that_does_all_but_the_work(fault, serve, fake_model, tmp_path):
    """It lives, and it would answer a golden example; what users send is never answered."""
    models = fake_model(rule("hang"), service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", "--hang-floor-ms", HANG_FLOOR_MS, models=models) as server:
        turns = fault.pick(5, 9)
        slowest = 0.0
        for turn in range(turns):
            start = time.monotonic()
            fault.inject("picture whose work is dropped")
            _, _, answer = fault.ask(server, gray(BAD, shade=turn),
                                     expected=["500 REQUEST_CRASHED_WORKER"])
            slowest = max(slowest, time.monotonic() - start)
            assert answer["reason"] == "REQUEST_CRASHED_WORKER"
            fault.ask(server, gray(GOOD), GOOD)
        fault.note(f"slowest answer {slowest:.2f} s")
        assert slowest < 5
        check_deaths(server, 2 * turns, cause="hung")
        assert server.metric("holdfast_quarantined_total") == turns


# --- Crash loops ---

@pytest.fixture
def own_binaries(tmp_path):
    """A copy of the executables, so that a test can break and mend them."""
    folder = tmp_path / "own/bin"
    folder.mkdir(parents=True)
    for name in ("holdfast", "holdfast-gateway", "holdfast-worker"):
        shutil.copy2(BIN / name, folder / name)
    (folder.parent / "lib").symlink_to(BIN.parent / "lib")
    return folder


def break_worker_binary(folder):
    """From now on a zygote ends with status 9 before it does anything."""
    os.replace(folder / "holdfast-worker", folder / "holdfast-worker.kept")
    script = folder / "holdfast-worker"
    script.write_text("#!/bin/sh\necho the worker binary is broken >&2\nexit 9\n")
    script.chmod(script.stat().st_mode | stat.S_IEXEC)


def mend_worker_binary(folder):
    os.replace(folder / "holdfast-worker.kept", folder / "holdfast-worker")


def start_crash_loop(fault, server, folder):
    server.await_workers(2)
    break_worker_binary(folder)
    for pid in [server.zygote(), *server.workers()]:
        kill(pid)
    fault.inject("worker binary broken, zygote and workers killed")


def times_of(events):
    return [time.mktime(time.strptime(event["time"][:19], "%Y-%m-%dT%H:%M:%S")) +
            float(event["time"][19:-1]) for event in events]


def test_f08_a_crash_loop_ends_the_server_with_its_first_cause(
        fault, fake_model, own_binaries, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with Server(tmp_path, "--workers", "2", "--deadline-default-ms", "2000", models=models,
                bin_folder=own_binaries) as server:
        start_crash_loop(fault, server, own_binaries)
        start = time.monotonic()
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY, seconds=30,
                          timeout=8)
        server.await_event("crash-budget-spent", seconds=40)
        spent = time.monotonic() - start
        answer = server.classify(gray(GOOD))
        assert (answer[0], answer[2]["reason"]) == (503, "NO_WORKER")
        assert answer[2]["retry_after_ms"] > 0 and "Retry-After" in answer[1]
        assert server.get("/ping")[0] == 503
        assert server.wait(60) not in (0, None)
        ended = time.monotonic() - start
        load.process.terminate()  # What it still offers finds nobody.
        tries = times_of(server.events("zygote-started")[1:])
        gaps = [after - before for before, after in zip(tries, tries[1:], strict=False)]
        fault.note(f"{len(tries)} tries, budget spent after {spent:.1f} s, ended after "
                   f"{ended:.1f} s with {server.process.returncode}")
        assert 3 <= len(tries) <= 6 and gaps == sorted(gaps) and gaps[-1] > 2 * gaps[0]
        assert ended < 60
        last = server.events()[-1]
        giving_up = server.events("giving-up")[-1]
        assert last["event"] in ("giving-up", "stopped")
        assert "the worker binary is broken" in giving_up["why"] or "9" in giving_up["why"]


def test_f09_a_crash_loop_that_is_mended_in_time_recovers(
        fault, serve, fake_model, own_binaries, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", models=models, bin_folder=own_binaries) as server:
        start_crash_loop(fault, server, own_binaries)
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY, seconds=5)
        server.await_event("zygote-died", 3)
        mend_worker_binary(own_binaries)
        server.await_workers(2)
        result = fault.settle(load)
        fault.note(f"slowest answer {result['max_ms']:.0f} ms")
        assert not server.events("crash-budget-spent")
        assert len(server.events("model-loaded")) == 2
        assert server.events("zygote-died")[-1]["exit"].startswith("exit status 9")


# --- Two at a time ---

def test_x02_sigterm_during_a_crash_loop(fault, fake_model, own_binaries, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with Server(tmp_path, "--workers", "2", "--drain-timeout-s", "5", models=models,
                bin_folder=own_binaries) as server:
        start_crash_loop(fault, server, own_binaries)
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY, seconds=2,
                          timeout=8)
        server.await_event("zygote-died", 3)
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        fault.inject("SIGTERM")
        assert server.wait(30) == 0
        took = time.monotonic() - start
        fault.note(f"ended {took:.1f} s after SIGTERM")
        fault.allow_failed("no worker was left to answer them, and the server ended")
        result = fault.settle(load, ["503 NO_WORKER", "503 DRAINING"])
        assert "timeout" not in result["outcomes"], "a client hangs"
        assert took < 5 + 3
        names = [event["event"] for event in server.events()]
        after = names[names.index("draining"):]
        assert "zygote-started" not in after and "worker-forked" not in after
        assert children_of(server.process.pid) == []


def test_x10_one_worker_stops_and_the_other_is_killed(fault, serve, fake_model, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", "--hang-floor-ms", HANG_FLOOR_MS, models=models) as server:
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.3 * CAPACITY, seconds=6)
        rounds = []

        def both():
            first, second = server.await_workers(2)
            killer = Killer(fault, server, random.Random(10))
            killer.this(first, signal.SIGSTOP)
            killer.this(second)
            start = time.monotonic()
            server.await_workers(2, without=[first, second])
            rounds.append(time.monotonic() - start)
        every(1.5, load, both)
        result = fault.settle(load)
        fault.note(f"recovered within {max(rounds):.2f} s; slowest {result['max_ms']:.0f} ms")
        check_deaths(server, len(rounds), cause="hung")
        check_deaths(server, len(rounds), cause="killed-from-outside")
        assert quantile(latencies(result, "200"), 1.0) < 1000 * (HANG_FLOOR_MS / 1000 + 2)
