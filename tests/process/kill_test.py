# SPDX-License-Identifier: Apache-2.0
"""The promise: workers are killed under load, and no request is lost."""

import random
import subprocess
import time

import pytest

from tests.process.running_server import (BIN, MODELS, PHOTOS, ROOT, TINY, Load, Server, kill,
                                           measure_capacity, oracle, state_of, title_of,
                                           wait_until)

LOAD_SHARE = 0.45  # Of the capacity: with two workers, one alone carries it.


@pytest.fixture(scope="module")
def resnet50(tmp_path_factory):
    """ResNet50's graph with random weights: real work, no download."""
    if not (MODELS / "resnet50/1/model.toml").exists():
        subprocess.run([ROOT / "dev", "model", "resnet50", "--random"], check=True,
                       stdout=subprocess.DEVNULL)
    repository = tmp_path_factory.mktemp("resnet50") / "models"
    (repository / "resnet50").mkdir(parents=True)
    (repository / "resnet50/1").symlink_to(MODELS / "resnet50/1")
    return repository


def kill_while(server, load, every, choose, rng):
    """Kills what `choose(workers)` names, every so many seconds, until the load has ended."""
    kills = []
    due = time.monotonic() + every
    while load.running:
        time.sleep(max(0.0, due - time.monotonic()))  # The schedule of the test itself.
        due += every
        if not load.running:
            break
        for pid in choose(server.workers(), rng):
            if kill(pid):
                kills.append(pid)
    return kills


def one_of(workers, rng):
    return [rng.choice(workers)] if workers else []


def all_of(workers, _rng):
    return workers


def check_nothing_lost(server, result, kills, offered_min):
    assert result["offered"] >= offered_min
    assert result["outcomes"] == {"200": result["offered"]}, result
    assert kills, "no worker was killed: the test has tested nothing"
    wait_until(lambda: server.metric("holdfast_worker_exits_total") == len(kills),
               f"{len(kills)} exits counted")
    assert server.metric("holdfast_worker_exits_total", cause="killed-from-outside") == len(kills)
    server.check_quiet()


@pytest.mark.timeout(2400)  # A thousand requests at less than half of a slow machine's capacity.
def test_no_request_is_lost_when_a_resnet50_worker_is_killed_every_two_seconds(tmp_path, resnet50):
    photos = oracle(resnet50 / "resnet50/1", sorted(PHOTOS.glob("*.jpg")))
    with Server(tmp_path, "--workers", "2", models=resnet50) as server:
        rate = LOAD_SHARE * measure_capacity(server, photos, seconds=6)
        seconds = max(60.0, 1080 / rate)
        load = Load(server, photos, rate=rate, seconds=seconds, seed=7)
        kills = kill_while(server, load, 2.0, one_of, random.Random(7))
        result = load.result(2000)
        print(f"resnet50: {rate:.1f}/s, {len(kills)} kills, {result}")
        check_nothing_lost(server, result, kills, 1000)
        assert len(kills) >= 25
        assert server.metric("holdfast_items_rescued_total") >= 1
        assert server.stop() == 0


def test_no_request_is_lost_when_a_tiny_models_worker_is_killed_every_half_second(
        tmp_path, tiny_photos):
    with Server(tmp_path, "--workers", "2", models=TINY) as server:
        rate = LOAD_SHARE * measure_capacity(server, tiny_photos)
        seconds = max(30.0, 21_000 / rate)
        load = Load(server, tiny_photos, rate=rate, seconds=seconds, seed=11)
        kills = kill_while(server, load, 0.5, one_of, random.Random(11))
        result = load.result()
        print(f"tiny: {rate:.1f}/s, {len(kills)} kills, {result}")
        check_nothing_lost(server, result, kills, 20_000)
        assert server.metric("holdfast_items_rescued_total") >= 1
        assert server.stop() == 0


def test_no_request_is_lost_when_all_workers_are_killed_at_once_twenty_times(
        tmp_path, demo_repository, photos):
    with Server(tmp_path, "--workers", "2", models=demo_repository) as server:
        rate = LOAD_SHARE * measure_capacity(server, photos)
        load = Load(server, photos, rate=rate, seconds=21, seed=13)
        kills = kill_while(server, load, 1.0, all_of, random.Random(13))
        result = load.result()
        print(f"all at once: {rate:.1f}/s, {len(kills)} kills, {result}")
        check_nothing_lost(server, result, kills, 100)
        assert len(kills) >= 38


def test_a_killed_gateway_is_replaced_within_a_second_and_loads_no_model(
        tmp_path, demo_repository, photos):
    image = photos[0][0].read_bytes()
    with Server(tmp_path, "--workers", "2", models=demo_repository) as server:
        zygote = server.zygote()
        for _ in range(5):
            old = server.gateway()
            kill(old)
            start = time.monotonic()
            status, _, answer = server.classify(image)
            took = time.monotonic() - start
            assert status == 200 and answer["predictions"][0]["index"] == photos[0][1]
            assert took < 1.0
            assert server.gateway() != old
        assert server.zygote() == zygote
        assert len(server.events("model-loaded")) == 1
        server.await_workers(2)
        server.check_quiet()


def test_service_goes_on_while_a_killed_zygote_is_replaced(tmp_path, demo_repository, photos):
    with Server(tmp_path, "--workers", "2", models=demo_repository) as server:
        rate = 0.3 * measure_capacity(server, photos, seconds=3)
        load = Load(server, photos, rate=rate, seconds=8, seed=17)
        old = server.zygote()
        kill(old)
        server.await_event("model-loaded", 2)
        assert server.zygote() != old
        for pid in server.workers():  # The new zygote's workers serve like the old one's.
            kill(pid)
        result = load.result()
        assert result["outcomes"] == {"200": result["offered"]}, result
        server.check_quiet()


def test_when_the_supervisor_is_killed_nothing_of_it_is_left(tmp_path):
    with Server(tmp_path, "--workers", "2", models=TINY) as server:
        family = [server.gateway(), server.zygote(), *server.workers()]
        kill(server.process.pid)
        server.wait()
        wait_until(lambda: all(state_of(pid) in ("", "Z") for pid in family), "all have ended")


def test_ps_shows_the_architecture(tiny_server):
    assert title_of(tiny_server.process.pid) == "holdfast: supervisor"
    assert title_of(tiny_server.gateway()) == "holdfast: gateway"
    assert title_of(tiny_server.zygote()) == "holdfast: zygote tiny/1"
    assert sorted(title_of(pid) for pid in tiny_server.await_workers(2)) == [
        "holdfast: worker tiny/1 #0", "holdfast: worker tiny/1 #1"]
    names = {(BIN / "holdfast").name, "hf-gateway", "hf-zygote", "hf-worker"}
    for pid in [tiny_server.gateway(), tiny_server.zygote(), *tiny_server.workers()]:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            assert comm.read().strip() in names
