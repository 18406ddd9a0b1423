# SPDX-License-Identifier: Apache-2.0
"""What surrounds a server in a container: PID 1, small file systems, outputs that nobody reads."""

import array
import contextlib
import fcntl
import os
import pathlib
import random
import resource
import signal
import subprocess
import termios
import threading
import time

import pytest

from tests.faults.clients import Prober, connect, post
from tests.faults.injection import Killer, check_deaths, every
from tests.faults.machine import AS_FIRST_PROCESS, cgroup, in_own_mounts, inside, needs_root
from tests.faults.pictures import grays
from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import (Server, children_of, kill, measure_capacity, state_of,
                                           title_of, wait_until)

SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS


@pytest.fixture
def models(fake_model):
    return fake_model(service_ms=SERVICE_MS, busy="false")


def good_load(fault, server, tmp_path, seconds, share=0.4, **keywords):
    return fault.load(server, grays(tmp_path, GOOD), rate=share * CAPACITY, seconds=seconds,
                      **keywords)


# --- CPU ---

def test_f21_the_worker_count_follows_quota_and_affinity(fault, serve, fake_model, tmp_path):
    models = fake_model(service_ms=5)  # Busy: it needs the CPU that is rationed.
    cases = [("0.5", 1, {"cpu.cfs_quota_us": 50_000}, None),
             ("1", 1, {"cpu.cfs_quota_us": 100_000}, None),
             ("1.5", 2, {"cpu.cfs_quota_us": 150_000}, None),
             ("1 CPU", 1, {}, "1")]
    for words, workers, limits, cpus in cases:
        with cgroup("cpu") as group:
            for key, value in limits.items():
                group[key] = value
            wrapper = inside(group) + (["taskset", "--cpu-list", cpus] if cpus else [])
            fault.inject(f"CPU {'set of one' if cpus else 'quota of ' + words}")
            with serve(models=models, wrapper=wrapper) as server:
                plan = wait_until(lambda: len(server.plan) > 6 and "\n".join(server.plan), "a plan")
                line = next(text for text in server.plan if text.startswith("  workers"))
                assert words in line, plan
                assert len(server.workers()) == workers, line
                photos = grays(tmp_path, GOOD)
                capacity = measure_capacity(server, photos, connections=2, seconds=1.5)
                before = group.number("cpu.stat", "nr_throttled"), group.number("cpu.stat",
                                                                                "nr_periods")
                fault.settle(fault.load(server, photos, rate=0.5 * capacity, seconds=2))
                throttled = group.number("cpu.stat", "nr_throttled") - before[0]
                periods = max(1, group.number("cpu.stat", "nr_periods") - before[1])
                fault.note(f"{line.strip()}: {capacity:.0f}/s, {throttled / periods:.0%} throttled")
                assert server.metric("holdfast_worker_exits_total") == 0
                if limits:
                    assert capacity >= 0.4 * 200 * limits["cpu.cfs_quota_us"] / 100_000


@contextlib.contextmanager
def cpu_hogs(fault):
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(os.cpu_count())]
    fault.inject("process that takes a whole CPU", len(hogs))
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def test_f22_a_starved_host_is_not_a_hung_worker(fault, serve, fake_model, tmp_path):
    with serve("--workers", "2", "--hang-floor-ms", "1000",
               models=fake_model(service_ms=5)) as server, cpu_hogs(fault):
        with Prober(server) as prober:
            fault.settle(good_load(fault, server, tmp_path, fault.pick(4, 60)))
        slowest = prober.check_always_200(2.0)
        fault.note(f"slowest probe {slowest * 1000:.0f} ms")
        assert server.metric("holdfast_worker_exits_total") == 0


def test_f55_a_frozen_host_is_not_a_hung_worker(fault, serve, fake_model, tmp_path):
    """The whole server stands still with items on board, and goes on as if nothing had been."""
    models = fake_model(service_ms=40, busy="false")
    with cgroup("freezer") as group, serve("--workers", "2", "--hang-floor-ms", "500",
                                           wrapper=group.wrapper, models=models) as server:
        load = fault.load(server, grays(tmp_path, GOOD), connections=4,
                          seconds=fault.pick(8, 70), timeout=40)

        def freeze():
            group["freezer.state"] = "FROZEN"
            wait_until(lambda: group["freezer.state"].strip() == "FROZEN", "frozen")
            threading.Event().wait(fault.pick(2, 20))
            group["freezer.state"] = "THAWED"
            fault.inject(f"freeze of {fault.pick(2, 20)} s")
        every(fault.pick(3.0, 30.0), load, freeze, times=2)
        # A deadline of ten seconds does not survive twenty of standing still.
        result = fault.settle(load, ["504 DEADLINE_EXCEEDED"] if fault.long else ())
        fault.note(f"slowest answer {result['max_ms']:.0f} ms")
        assert server.metric("holdfast_worker_exits_total", cause="hung") == 0
        assert server.metric("holdfast_host_slept_total") >= fault.injected.total()


def test_x09_a_small_quota_and_a_noisy_neighbour_at_start(fault, serve, fake_model, tmp_path):
    with cgroup("cpu") as group, cpu_hogs(fault):
        group["cpu.cfs_quota_us"] = 50_000
        fault.inject("CPU quota of 0.5")
        start = time.monotonic()
        with serve(models=fake_model(service_ms=5), wrapper=group.wrapper) as server:
            ready = time.monotonic() - start
            fault.settle(fault.load(server, grays(tmp_path, GOOD), rate=20, seconds=3))
            fault.note(f"ready after {ready:.1f} s")
            assert ready < 20
            assert server.metric("holdfast_worker_exits_total") == 0


# --- Processes ---

def check_stops(fault, models, tmp_path, *signals, load=True, wait=True, seconds=25.0, code=0):
    """Starts a server as PID 1, sends the signals and expects it to end in time."""
    with Server(tmp_path, "--workers", "2", models=models, wrapper=AS_FIRST_PROCESS,
                wait=wait) as server:
        if wait:
            assert pathlib.Path(f"/proc/{server.supervisor}/status").read_text().count(
                f"NSpid:\t{server.supervisor}\t1\n") == 1, "not PID 1"
        else:
            wait_until(lambda: server.supervisor != server.process.pid and server.zygote(),
                       "it loads")
        asking = good_load(fault, server, tmp_path, 1.5, 0.3, timeout=5) if load else None
        if load:
            wait_until(lambda: server.metric("holdfast_requests_answered_total") > 10, "load")
        start = time.monotonic()
        for number in signals:
            kill(server.supervisor, number)
            fault.inject(f"{signal.Signals(number).name} to PID 1")
        if signals[-1] == signal.SIGHUP:
            server.await_event("reload-asked")
            assert server.get("/ping")[0] == 200
            start = time.monotonic()
            kill(server.supervisor, signal.SIGTERM)
        assert server.wait(40) == code
        took = time.monotonic() - start
        assert took < seconds, f"ended after {took:.1f} s"
        if asking:
            # Nobody is there any more; what a second signal cuts short, it cuts short.
            fault.settle(asking, ["refused", "reset"] if len(signals) > 1 else ["refused"])
        return took


def test_f46_a_server_that_is_pid_1_ends_on_signals(fault, models, fake_model, tmp_path):
    needs_root()
    times = [check_stops(fault, models, tmp_path, *signals) for signals in (
        [signal.SIGTERM], [signal.SIGINT], [signal.SIGTERM, signal.SIGTERM], [signal.SIGHUP])]
    fault.note(f"ended within {max(times):.1f} s")
    slow = fake_model(name="slow", load_ms=20_000, busy="false").parent / "slow-alone"
    slow.mkdir()
    (slow / "slow").symlink_to(tmp_path / "fakes/slow")
    took = check_stops(fault, slow, tmp_path, signal.SIGTERM, load=False, wait=False, seconds=2)
    fault.note(f"during the load after {took:.1f} s")


@pytest.mark.timeout(900)
def test_f48_pid_1_leaves_no_zombies(fault, serve, models, tmp_path):
    needs_root()
    with serve("--workers", "2", models=models, wrapper=AS_FIRST_PROCESS) as server:
        supervisor = server.supervisor
        load = good_load(fault, server, tmp_path, fault.pick(6, 600), share=0.3)
        killer = Killer(fault, server, random.Random(48))
        zombies = []

        def orphan_and_kill():
            # The shell in the namespace ends at once; its child is PID 1's from then on.
            subprocess.run(["nsenter", "--target", str(supervisor), "--pid", "sh", "-c",
                            "sleep 0.2 & exec true"], check=True)
            fault.inject("orphan")
            killer.one()
            threading.Event().wait(0.35)
            zombies.extend(pid for pid in children_of(supervisor) if state_of(pid) == "Z" and
                           not threading.Event().wait(0.3) and state_of(pid) == "Z")
        every(1.0, load, orphan_and_kill)
        fault.settle(load)
        assert not zombies
        check_deaths(server, len(killer.killed), cause="killed-from-outside")


def test_f60_no_process_can_be_forked(fault, serve, models, tmp_path):
    """The supervisor's order fails; the workers that live go on, and later it succeeds."""
    with cgroup("pids") as group, serve("--workers", "2", models=models,
                                        wrapper=group.wrapper) as server:
        load = good_load(fault, server, tmp_path, 5, share=0.3)
        victim = server.workers()[0]
        group["pids.max"] = int(group["pids.current"]) - 1
        kill(victim)
        fault.inject("pids.max below what is needed for a new worker")
        wait_until(lambda: group.number("pids.events", "max") >= 1, "a fork was refused")
        threading.Event().wait(1.0)
        assert len(server.workers()) == 1 and server.get("/ping")[0] == 200
        group["pids.max"] = "max"
        server.await_workers(2, without=[victim])
        fault.inject("fork refused", group.number("pids.events", "max"))
        fault.settle(load)
        assert not server.events("gateway-died")
        assert server.metric("holdfast_worker_exits_total", cause="killed-from-outside") == 1


# --- Files and outputs ---

def test_f49_a_full_dev_shm(fault, serve, models, tmp_path):
    needs_root()
    wrapper = in_own_mounts("mount -t tmpfs -o size=64k shm /dev/shm",
                            "{ head -c 70000 /dev/zero >/dev/shm/full 2>/dev/null || true; }")
    with serve("--workers", "2", models=models, wrapper=wrapper) as server:
        place = os.statvfs(f"/proc/{server.supervisor}/root/dev/shm")
        assert place.f_bfree == 0 and place.f_blocks * place.f_bsize == 65536
        fault.inject("/dev/shm of 64 KiB, full")
        fault.settle(good_load(fault, server, tmp_path, fault.pick(3, 60)))
        assert server.metric("holdfast_worker_exits_total") == 0


def test_f51_read_only_root_full_disk_and_outputs_that_fail(fault, serve, models, tmp_path):
    needs_root()
    writable = tmp_path / "writable"
    writable.mkdir()
    read_only = in_own_mounts(f"mount --bind {tmp_path.parent} {tmp_path.parent}",
                              "mount -o remount,bind,ro /",
                              "! touch /holdfast-faults-probe 2>/dev/null")
    full = in_own_mounts(f"mount -t tmpfs -o size=1m full {writable}",
                         f"{{ head -c 2000000 /dev/zero >{writable}/full 2>/dev/null || true; }}")
    with open("/dev/full", "w", encoding="utf-8") as nowhere:
        cases = {
            "read-only root": {"wrapper": read_only},
            "full disk": {"wrapper": full, "environment": {"TMPDIR": str(writable)}},
            "stdout closed": {"wrapper": ["sh", "-c", 'exec "$@" >&-', "sh"]},
            "stdout is /dev/full": {"stdout": nowhere},
            "log goes to /dev/full": {"stderr": nowhere},
        }
        for name, keywords in cases.items():
            with serve("--workers", "2", models=models, **keywords) as server:
                fault.inject(name)
                load = good_load(fault, server, tmp_path, fault.pick(1.5, 30))
                kill(server.workers()[0])
                fault.settle(load)
                wait_until(lambda: server.metric("holdfast_worker_exits_total") == 1, "a death")


def test_f52_no_core_files_even_where_they_are_allowed(fault, serve, models, tmp_path):
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("core files cannot be allowed here: the hard limit is 0")
    folder = tmp_path / "cwd"
    folder.mkdir()
    wrapper = ["prlimit", f"--core={hard if hard > 0 else 'unlimited'}:"]
    with serve("--workers", "2", models=models, wrapper=wrapper, cwd=folder) as server:
        load = good_load(fault, server, tmp_path, fault.pick(4, 60))
        killer = Killer(fault, server, random.Random(52))
        every(0.5, load, lambda: killer.one(signal.SIGSEGV))
        fault.settle(load)
        deaths = check_deaths(server, len(killer.killed), cause="signal", words="signal 11")
        assert not any("core" in death["exit"] for death in deaths)
        assert not list(folder.iterdir())


@contextlib.contextmanager
def noisy_server(fault, fake_model, folder, *, lines):
    """A server whose log has had `lines` lines and no reader: (server, end of the pipe).

    The noise comes from a second model, whose idle workers are killed again and again.
    """
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    fake_model(name="noise", service_ms=1)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open(reader, encoding="utf-8"))
        server = stack.enter_context(Server(
            folder, "--workers", "8", "--log-level", "debug", "--default-model", "fake",
            "--restarts-max", "10000", models=models, stderr=writer))
        os.close(writer)

        def make_noise():
            until = time.monotonic() + 300
            seen = {}  # One that dies before it is ready would be made later and later.
            while (server.metric("holdfast_worker_exits_total", model="noise/1") < lines / 2 and
                   time.monotonic() < until):
                for pid in server.workers():
                    ready = time.monotonic() - seen.setdefault(pid, time.monotonic()) > 0.1
                    if ready and "noise" in title_of(pid) and kill(pid):
                        fault.inject("SIGKILL to an idle worker of another model")
                threading.Event().wait(0.02)
        noise = threading.Thread(target=make_noise)
        noise.start()
        yield server, stream, noise


@pytest.mark.timeout(900)
def test_f50_a_log_that_nobody_reads(fault, fake_model, tmp_path):
    with noisy_server(fault, fake_model, tmp_path, lines=fault.pick(300, 8000)) as (
            server, stream, noise):
        load = good_load(fault, server, tmp_path, fault.pick(6, 120), share=0.6)
        noise.join()
        result = fault.settle(load)
        unread = array.array("i", [0])
        fcntl.ioctl(stream, termios.FIONREAD, unread)
        # Anything in a pipe of one page makes it full for a writer that asks first.
        assert 0 < unread[0] < 4096 < 100 * server.metric("holdfast_worker_exits_total")
        threading.Thread(target=server.read_log, args=[stream], daemon=True).start()
        # What fits into a mebibyte is kept for the reader; only the long form has more.
        deaths = server.metric("holdfast_worker_exits_total")
        wait_until(lambda: len(server.events("worker-died")) == deaths or
                   server.events("log-lines-dropped"), "the reader gets what was kept")
        dropped = sum(event["count"] for event in server.events("log-lines-dropped"))
        fault.note(f"{dropped} lines dropped, p99 {result['p99_ms']:.0f} ms")
        assert (dropped > 0) == fault.long
        server.check_quiet()
        assert server.stop() == 0


def test_x05_sigterm_while_nobody_reads_the_log(fault, fake_model, tmp_path):
    with noisy_server(fault, fake_model, tmp_path, lines=200) as (server, _, noise):
        noise.join()
        load = good_load(fault, server, tmp_path, 3)
        wait_until(lambda: server.metric("holdfast_requests_answered_total") > 20, "load")
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        fault.inject("SIGTERM with a log that nobody reads")
        assert server.wait(40) == 0
        took = time.monotonic() - start
        fault.note(f"ended after {took:.1f} s")
        assert took < 25
        fault.settle(load, ["refused"])


# --- The end ---

def test_f47_a_slow_client_and_a_hung_worker_do_not_delay_the_end(fault, fake_model, tmp_path):
    models = fake_model(rule("hang"), service_ms=SERVICE_MS, busy="false")
    with Server(tmp_path, "--workers", "2", "--hang-floor-ms", "60000", "--drain-timeout-s", "3",
                models=models) as server:
        slow, stuck = connect(server), connect(server)
        slow.sendall(post(gray(GOOD))[:150])
        stuck.sendall(post(gray(BAD)))
        wait_until(lambda: server.metric("holdfast_running_items") == 1, "the item runs")
        fault.inject("slow client")
        fault.inject("hung worker")
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.wait(40) == 0
        took = time.monotonic() - start
        fault.note(f"ended after {took:.1f} s; drain timeout 3 s")
        assert took < 5
        assert server.events("drain-timeout")
        assert any(event.get("abandoned", 0) >= 1 for event in server.events())
        assert title_of(server.process.pid) == ""
