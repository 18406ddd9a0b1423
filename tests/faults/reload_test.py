# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with a new version, and does not touch the old one."""

import json
import shutil
import signal

import pytest

from tests.faults.machine import cgroup
from tests.faults.pictures import grays
from tests.process.fake_rules import GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import (PHOTOS, kill, measure_capacity, oracle, title_of,
                                           wait_until)

MIB = 1 << 20
SERVICE_MS = 10
CAPACITY = 2 * 1000 / SERVICE_MS
MODEL = "efficientnet-lite0"


def status_of(server, name, version):
    """State and reason of a version, as TensorFlow Serving's status call says them."""
    code, _, body = server.get(f"/v1/models/{name}/versions/{version}")
    if code != 200:
        return "", ""
    status = json.loads(body)["model_version_status"][0]
    return status["state"], status["status"]["error_message"]


def await_status(server, name, version, state):
    return wait_until(lambda: status_of(server, name, version)[0] == state and
                      status_of(server, name, version), f"{name}/{version} is {state}")


def publish(models, name, version, source):
    """A version appears in the repository at once and whole."""
    making = models.parent / f"making-{version}"
    shutil.copytree(source, making)
    making.rename(models / name / str(version))


def used(group):
    """What the kernel cannot take back."""
    return group.number("memory.usage_in_bytes") - group.number("memory.stat",
                                                                "total_inactive_file")


def swap_where_both_do_not_fit(fault, serve, fake_model, tmp_path):
    """The limit has room for two workers of one version; the one that goes must not count."""
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with cgroup("memory", memory__limit_in_bytes=210 * MIB) as group, serve(
            wrapper=group.wrapper, models=models) as server:
        server.await_workers(2)
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.4 * CAPACITY, seconds=3)
        fake_model(version=2, service_ms=SERVICE_MS, busy="false")
        fault.inject("new version under a memory limit")
        await_status(server, "fake", 2, "AVAILABLE")
        wait_until(lambda: status_of(server, "fake", 1)[0] == "", "version 1 is gone")
        fault.settle(load)
        server.await_workers(2)
        assert not server.events("workers-limited-by-memory")


@pytest.mark.timeout(600)
def test_f15_a_reload_that_has_no_room_is_refused(
        fault, serve, demo_model, fake_model, tmp_path):
    """A real model: what a version needs is judged by what the one before it took."""
    models = tmp_path / "models"
    (models / MODEL).mkdir(parents=True)
    publish(models, MODEL, 1, demo_model.resolve())
    photos = oracle(models / MODEL / "1", sorted(PHOTOS.glob("*.jpg")))
    golden = (photos[0][0].read_bytes(), photos[0][1])
    with cgroup("memory") as group, serve("--workers", "2", wrapper=group.wrapper, golden=golden,
                                          models=models) as server:
        rate = 0.4 * measure_capacity(server, photos, seconds=3)
        load = fault.load(server, photos, rate=rate, seconds=fault.pick(8, 60))
        size = sum(file.stat().st_size for file in (models / MODEL / "1").rglob("*")
                   if file.is_file())
        group["memory.limit_in_bytes"] = used(group) + size // 2
        fault.inject("new version without room for it")
        publish(models, MODEL, 2, demo_model.resolve())
        refused = server.await_event("model-does-not-fit")[0]
        assert "MiB" in refused["why"] and "memory limit" in refused["why"]
        state, reason = await_status(server, MODEL, 2, "END")
        assert "memory limit" in reason
        assert server.metric("holdfast_model_loads_total", model=f"{MODEL}/2",
                             result="INSUFFICIENT_RESOURCES") == 1
        assert status_of(server, MODEL, 1)[0] == "AVAILABLE"
        # With room, whoever asks again gets it.
        group["memory.limit_in_bytes"] = -1
        kill(server.supervisor, signal.SIGHUP)
        await_status(server, MODEL, 2, "AVAILABLE")
        fault.inject("new version with room")
        wait_until(lambda: status_of(server, MODEL, 1)[0] == "", "version 1 is gone")
        fault.settle(load)
        assert group.number("memory.oom_control", "oom_kill") == 0
        assert {death["cause"] for death in server.events("worker-died")} == {"unloaded"}
    swap_where_both_do_not_fit(fault, serve, fake_model, tmp_path)


def test_x03_memory_runs_out_while_a_new_version_loads(fault, serve, fake_model, tmp_path):
    """The new one takes 200 MiB that nobody could foresee: it pays, not those who serve."""
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with cgroup("memory") as group, serve("--workers", "2", "--restarts-max", "3", quiet=False,
                                          wrapper=group.wrapper, models=models) as server:
        group["memory.limit_in_bytes"] = group.number("memory.usage_in_bytes") + 60 * MIB
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.5 * CAPACITY,
                          seconds=fault.pick(8, 60))
        fake_model(rule("leak", label=None, leak_mib=200), version=2, service_ms=SERVICE_MS,
                   busy="false")
        server.await_event("crash-budget-spent", seconds=60)
        kills = group.number("memory.oom_control", "oom_kill")
        fault.inject("kill by the kernel for memory", kills)
        fault.settle(load)
        assert kills >= 1
        died = server.events("zygote-died")
        assert died and all("for memory" in death["explanation"] for death in died), died
        # While the kernel still takes the one apart, it may take another; its request is rescued.
        workers = server.events("worker-died")
        assert {death["cause"] for death in workers} <= {"out-of-memory"}
        assert kills == len(died) + len(workers) and len(workers) < len(died)
        assert not server.events("gateway-died")
        state, reason = status_of(server, "fake", 2)
        assert state == "END" and reason
        assert status_of(server, "fake", 1)[0] == "AVAILABLE"
        assert server.metric("holdfast_model_loads_total", model="fake/2") == 1
        server.check_quiet()


def test_x08_a_corrupt_version_and_a_killed_one_while_the_old_one_serves(
        fault, serve, fake_model, tmp_path):
    models = fake_model(service_ms=SERVICE_MS, busy="false")
    with serve("--workers", "2", models=models) as server:
        load = fault.load(server, grays(tmp_path, GOOD), rate=0.6 * CAPACITY,
                          seconds=fault.pick(8, 60))
        versions = []

        def ask():
            _, _, answer = fault.ask(server, gray(GOOD), GOOD)
            versions.append(int(answer["version"]))
        broken = tmp_path / "broken"
        shutil.copytree(models / "fake/1", broken)
        (broken / "fake.toml").write_bytes(b"\x00 broken")
        broken.rename(models / "fake/2")
        fault.inject("corrupt version")
        refused = server.await_event("model-refused")[0]
        assert refused["model"] == "fake/2" and "fake.toml" in refused["last_words"]
        await_status(server, "fake", 2, "END")

        fake_model(version=3, service_ms=SERVICE_MS, busy="false", load_ms=1500)
        server.await_event("zygote-started", 3)
        loading = wait_until(lambda: next((pid for pid in server.children("zygote")
                                           if title_of(pid).endswith("/3")), None), "it loads")
        kill(loading, signal.SIGTERM)
        fault.inject("SIGTERM to a zygote that loads")
        server.await_event("zygote-died")
        while status_of(server, "fake", 3)[0] != "AVAILABLE":  # It is tried again.
            ask()
        while len(versions) < 20 or load.running:
            ask()
        fault.settle(load)
        assert set(versions) == {1, 3}
        assert versions == sorted(versions), "a request went back to the old version"
        assert not [death for death in server.events("worker-died")
                    if death["cause"] != "unloaded"]
