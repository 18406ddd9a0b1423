# SPDX-License-Identifier: Apache-2.0
"""Starts that must fail with a reason, starts that take long, and the first request after one."""

import http.client
import os
import pathlib
import random
import shutil
import socket
import threading
import time

import pytest

from tests.faults.machine import needs_root
from tests.faults.pictures import grays
from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import BIN, TINY, Server, wait_until

ENDS_WITHIN_S = 10


def serve_until_it_ends(folder, *arguments, models=None, wrapper=(), environment=None):
    """Runs a server that should not start: (exit code, last line, answers of /ping, seconds)."""
    with Server(folder, *arguments, models=models, wrapper=wrapper, environment=environment,
                wait=False) as server:
        start = time.monotonic()
        pings = []
        while server.process.poll() is None:
            if server.port_file.exists():
                try:
                    pings.append(server.get("/ping", timeout=2)[0])
                except (OSError, http.client.HTTPException, ValueError):
                    pass
            assert time.monotonic() - start < 40, "it does not end"
            threading.Event().wait(0.005)
        took = time.monotonic() - start
        server.wait()
        return server.process.returncode, "\n".join(server.log_lines[-3:]), pings, took


def replace_in(file, before, after):
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def truncate(file, share):
    file.write_bytes(file.read_bytes()[:int(file.stat().st_size * share)])


def flip_bit(file, rng):
    content = bytearray(file.read_bytes())
    bit = rng.randrange(len(content) * 8)
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)


def be_a_folder(file):
    file.unlink()
    file.symlink_to(file.parent, target_is_directory=True)


MODEL = "model.onnx"
WAYS_TO_BREAK = {
    "model absent": (lambda f: (f / MODEL).unlink(), MODEL),
    "model of 0 bytes": (lambda f: (f / MODEL).write_bytes(b""), MODEL),
    "model cut at 10 %": (lambda f: truncate(f / MODEL, 0.10), MODEL),
    "model cut at 50 %": (lambda f: truncate(f / MODEL, 0.50), MODEL),
    "model cut at 99 %": (lambda f: truncate(f / MODEL, 0.99), MODEL),
    "model is a folder": (lambda f: be_a_folder(f / MODEL), MODEL),
    "wrong input shape": (lambda f: replace_in(f / "model.toml", "crop = [32, 32]",
                                               "crop = [64, 64]"), "32"),
    "labels swapped": (lambda f: (f / "labels.txt").write_text(
        "\n".join(reversed((f / "labels.txt").read_text().split())) + "\n"), "labels.txt"),
    "labels cut": (lambda f: truncate(f / "labels.txt", 0.5), "labels.txt"),
    "model.toml is no TOML": (lambda f: (f / "model.toml").write_text("[model"), "model.toml"),
    "golden example wrong": (lambda f: replace_in(f / "model.toml", "class = 2", "class = 3"),
                             "golden/red.png"),
}


def broken_copy(folder, change):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(TINY / "tiny/1", folder / "tiny/1")
    change(folder / "tiny/1")
    return folder


@pytest.mark.timeout(1800)
def test_f24_a_broken_model_is_never_served(fault, tmp_path):
    rng = random.Random(24)
    ways = dict(WAYS_TO_BREAK)
    for turn in range(fault.pick(8, 200)):
        ways[f"bit flipped, {turn}"] = (lambda f: flip_bit(f / MODEL, rng), MODEL)
    slowest = 0.0
    for name, (change, words) in ways.items():
        models = broken_copy(tmp_path / "models", change)
        fault.inject(name.split(",")[0])
        code, last, pings, took = serve_until_it_ends(tmp_path, models=models)
        assert code not in (0, None), name
        assert words in last, f"{name}: {last}"
        assert 200 not in pings, name
        slowest = max(slowest, took)
    fault.note(f"each ended within {slowest:.1f} s")
    assert slowest < ENDS_WITHIN_S


def test_f26_the_first_request_is_as_fast_as_any(fault, serve, tmp_path, tiny_photos):
    photo, label = tiny_photos[0]
    image = photo.read_bytes()
    firsts, steady = [], []
    for _ in range(fault.pick(6, 30)):
        with Server(tmp_path, "--workers", "2", models=TINY, wait=False) as server:
            wait_until(lambda: server.port_file.exists() and is_ready(server), "ready")
            fault.inject("start")
            for turn in range(30):
                start = time.monotonic()
                assert fault.ask(server, image, label)[0] == 200
                (steady if turn else firsts).append(time.monotonic() - start)
            assert server.stop() == 0
    firsts.sort()
    steady.sort()
    p99 = steady[int(0.99 * len(steady))]
    median = firsts[len(firsts) // 2]
    fault.note(f"first {median * 1000:.1f} ms in the median, {firsts[-1] * 1000:.1f} ms at most; "
               f"later p99 {p99 * 1000:.1f} ms")
    assert median <= 1.5 * p99 + 0.01


def is_ready(server):
    try:
        return server.get("/ping")[0] == 200
    except OSError:
        return False


def test_f54_a_slow_load_is_visible_from_the_beginning(fault, fake_model, tmp_path):
    load_ms = fault.pick(4000, 180_000)
    models = fake_model(load_ms=load_ms, busy="false")
    with Server(tmp_path, "--workers", "2", models=models, wait=False) as server:
        start = time.monotonic()
        fault.inject(f"load of {load_ms} ms")
        wait_until(server.port_file.exists, "the ports")
        answers = []
        while time.monotonic() - start < load_ms / 1000 - 0.5:
            begun = time.monotonic()
            status, _, _ = server.get("/ping")
            answers.append((status, time.monotonic() - begun))
            threading.Event().wait(0.05)
        first = time.monotonic() - start
        assert {status for status, _ in answers} == {503}
        slowest = max(seconds for _, seconds in answers)
        server.await_ready(load_ms / 1000 + 30)
        ready = time.monotonic() - start
        fault.note(f"{len(answers)} probes said 503, slowest {slowest * 1000:.0f} ms; ready after "
                   f"{ready:.1f} s")
        assert slowest < 0.25 and first < ready
        assert server.events("model-loaded")[0]["load_ms"] >= 0.9 * load_ms
        fault.ask(server, gray(GOOD), GOOD)
        server.check_quiet()


def test_f61_wrong_settings_are_said_and_odd_ones_work(fault, serve, fake_model, tmp_path):
    wrong = [
        (["--no-such-flag"], {}, 64, "no-such-flag"),
        (["--workers", "many"], {}, 64, "workers"),
        ([], {"HOLDFAST_WORKERS": "-3"}, 64, "HOLDFAST_WORKERS"),
        ([], {"HOLDFAST_NO_SUCH_THING": "1"}, 64, "HOLDFAST_NO_SUCH_THING"),
        (["--config", "/nonexistent.toml"], {}, 66, "/nonexistent.toml"),
        (["--bind-address", "not-an-address"], {}, 64, "not-an-address"),
    ]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong.append((["--http-port", str(taken.getsockname()[1])], {}, 69, "in use"))
        for arguments, environment, code, words in wrong:
            fault.inject("wrong setting")
            got, last, pings, took = serve_until_it_ends(tmp_path, *arguments, models=TINY,
                                                         environment=environment)
            assert (got, 200 in pings) == (code, False), (arguments, got, last)
            assert words in last and took < 2, (arguments, last)
    models = fake_model(service_ms=1, busy="false")
    odd = {"one worker": ["--workers", "1"], "64 workers": ["--workers", "64"],
           "IPv6": ["--bind-address", "::"]}
    for name, arguments in odd.items():
        fault.inject(name)
        with serve(*arguments, models=models) as server:
            fault.settle(fault.load(server, grays(tmp_path, GOOD), rate=50, seconds=1))
    needs_root()
    fault.inject("user without rights")
    folder = pathlib.Path("/tmp") / f"holdfast-faults-{os.getpid()}"
    shutil.copytree(models, folder / "models")
    for name in ("holdfast", "holdfast-gateway", "holdfast-worker"):
        (folder / "bin").mkdir(exist_ok=True)
        shutil.copy2(BIN / name, folder / "bin" / name)
    if (BIN.parent / "lib").exists():
        shutil.copytree(BIN.parent / "lib", folder / "lib")
    folder.chmod(0o777)
    try:
        with Server(folder, "--workers", "2", models=folder / "models", bin_folder=folder / "bin",
                    wrapper=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                             "--inh-caps=-all", "--bounding-set=-all"]) as server:
            fault.ask(server, gray(GOOD), GOOD)
            text = pathlib.Path(f"/proc/{server.supervisor}/status").read_text()
            assert "Uid:\t65534" in text and "CapEff:\t0000000000000000" in text
            assert server.stop() == 0
    finally:
        shutil.rmtree(folder)
