# SPDX-License-Identifier: Apache-2.0
"""How the server starts, says what is wrong, drains and ends."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.process.fake_rules import BAD, rule
from tests.process.gray import gray
from tests.process.running_server import BIN, PHOTOS, TINY, Load, Server, kill, wait_until


def run(*arguments, seconds=30):
    start = time.monotonic()
    done = subprocess.run([str(word) for word in (BIN / "holdfast", *arguments)],
                          capture_output=True, text=True, timeout=seconds, check=False)
    return done, time.monotonic() - start


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["serve", "--htp-port", "1"], 64, "--http-port"),
    (["serve", "--http-port", "70000"], 64, "--http-port"),
    (["serve", "--model-repository", "/nonexistent"], 66, "/nonexistent"),
    (["serve", "--model-repository", TINY, "--default-model", "other"], 64, "tiny"),
    (["frobnicate"], 64, "--help"),
    (["classify", "--model-repository", TINY, "/nonexistent.jpg"], 66, "/nonexistent.jpg"),
])
def test_a_wrong_command_line_is_one_line_and_the_right_exit_code(arguments, code, words):
    done, took = run(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert took < 1.0


def test_a_port_in_use_is_said_and_ends_the_server():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done, took = run("serve", "--model-repository", TINY, "--bind-address", "127.0.0.1",
                         "--http-port", taken.getsockname()[1], "--grpc-port", 0, "--admin-port", 0)
    assert done.returncode == 69 and "in use" in done.stderr
    assert took < 1.0


def broken(tmp_path, change):
    folder = tmp_path / "broken/tiny/1"
    shutil.copytree(TINY / "tiny/1", folder)
    change(folder)
    return tmp_path / "broken"


@pytest.mark.parametrize(("change", "words"), [
    (lambda f: (f / "model.onnx").unlink(), "model.onnx"),
    (lambda f: (f / "model.onnx").write_bytes(b""), "model.onnx"),
    (lambda f: (f / "model.onnx").write_bytes((f / "model.onnx").read_bytes()[:-50]), "model.onnx"),
    (lambda f: (f / "labels.txt").write_text("one\ntwo\n"), "labels.txt"),
    (lambda f: (f / "model.toml").write_text("engin = 'auto'\n"), "engine"),
    (lambda f: (f / "model.toml").write_text(
        (f / "model.toml").read_text().replace("class = 2", "class = 3")), "golden/red.png"),
])
def test_a_broken_model_is_refused_with_its_reason(tmp_path, change, words):
    done, took = run("serve", "--model-repository", broken(tmp_path, change), "--http-port", 0,
                     "--grpc-port", 0, "--admin-port", 0,
                     "--bind-address", "127.0.0.1")
    assert done.returncode == 78, done.stderr
    last = json.loads(done.stderr.strip().splitlines()[-1])
    assert last["event"] == "giving-up" and words in last["why"], last
    assert took < 5.0


def test_a_broken_model_beside_a_good_one_does_not_stop_the_good_one(tmp_path):
    repository = broken(tmp_path, lambda f: (f / "model.onnx").write_bytes(b""))
    (repository / "tiny").rename(repository / "bad")
    shutil.copytree(TINY / "tiny", repository / "tiny")
    with Server(tmp_path, "--default-model", "tiny", models=repository) as server:
        assert server.classify((PHOTOS / "chelsea.jpg").read_bytes())[0] == 200
        assert server.events("model-refused")[0]["model"] == "bad/1"


def test_the_plan_says_what_will_run_and_why(tiny_server):
    plan = wait_until(lambda: len(tiny_server.plan) > 6 and "\n".join(tiny_server.plan), "a plan")
    for words in ("tiny/1", "onnxruntime 1.28.0", "2 workers", "as asked", "by affinity",
                  f":{tiny_server.port}", "sandbox", "queue 256 items"):
        assert words in plan, plan


WITHOUT_SECCOMP = [sys.executable, pathlib.Path(__file__).with_name("without_seccomp.py")]


def test_the_plan_says_that_the_sandbox_is_incomplete(tmp_path):
    with Server(tmp_path, "--workers", "1", models=TINY, wrapper=WITHOUT_SECCOMP) as server:
        line = wait_until(lambda: [line for line in server.plan if line.startswith("  sandbox ")],
                          "the plan's line")
        assert "incomplete: " in line[0] and "seccomp" in line[0], line
        assert "seccomp" in server.await_event("sandbox-incomplete")[0]["why"]
        assert server.classify((PHOTOS / "chelsea.jpg").read_bytes())[0] == 200


def test_a_required_sandbox_that_is_incomplete_ends_the_start(tmp_path):
    with Server(tmp_path, "--workers", "1", "--sandbox", "required", models=TINY, wait=False,
                wrapper=WITHOUT_SECCOMP) as server:
        assert server.wait() == 69
        assert len(server.events("zygote-started")) == 1, "it was tried again"
        last = server.events("giving-up")[0]
        assert "sandbox" in last["why"] and "seccomp" in last["why"], last


def test_flags_win_over_variables_and_variables_over_the_file(tmp_path):
    config = tmp_path / "server.toml"
    config.write_text("workers = 3\nqueue_items_max = 7\ndeadline_default_ms = 4000\n")
    with Server(tmp_path, "--config", config, "--workers", "1", models=TINY,
                environment={"HOLDFAST_WORKERS": "2", "HOLDFAST_QUEUE_ITEMS_MAX": "9"}) as server:
        plan = wait_until(lambda: len(server.plan) > 6 and "\n".join(server.plan), "a plan")
        assert "1 worker," in plan and "queue 9 items" in plan and "deadline 4 s" in plan


def test_a_model_given_by_base_path_is_served(tmp_path):
    with Server(tmp_path, "--model_name", "colours", "--model_base_path", TINY / "tiny") as server:
        assert server.get("/v1/models/colours")[0] == 200


def test_the_zygote_stays_single_threaded_outside_of_ci(tiny_server):
    with open(f"/proc/{tiny_server.zygote()}/status", encoding="utf-8") as status:
        assert "Threads:\t1\n" in status.read()


def test_a_worker_has_no_descriptors_but_its_channel_and_its_log(tiny_server):
    for pid in tiny_server.workers():
        assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2", "3"]
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            text = status.read()
        assert "Seccomp:\t2\n" in text and "NoNewPrivs:\t1\n" in text


# --- The end ---

def test_sigterm_under_load_answers_everything_that_was_accepted(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "2", models=fake_model(service_ms=20)) as server:
        photo = tmp_path / "gray.png"
        photo.write_bytes(gray(2))
        load = Load(server, [(photo, 2)], connections=8, seconds=3, timeout=5)
        wait_until(lambda: server.metric("holdfast_requests_answered_total") > 50, "load")
        assert server.stop() == 0
        outcomes = load.result()["outcomes"]
        assert outcomes.pop("200") > 50
        # After the end there is nobody to connect to; nothing that was sent is lost.
        assert set(outcomes) <= {"refused"}, outcomes
        assert server.events("drained")[0]["abandoned"] == 0


def test_sigterm_waits_for_a_slow_item(tmp_path, fake_model):
    slow = '[[on]]\nclass = 7\ndo = "slow"\nms = 1500\n'
    with Server(tmp_path, "--workers", "1", "--hang-floor-ms", "30000",
                models=fake_model(slow)) as server:
        answers = []
        asker = threading.Thread(target=lambda: answers.append(server.classify(gray(7))))
        asker.start()
        wait_until(lambda: server.metric("holdfast_running_items") == 1, "the item runs")
        server.process.send_signal(signal.SIGTERM)
        server.await_event("drain-started")
        assert server.get("/readyz")[0] == 503
        asker.join()
        status, headers, _ = answers[0]
        assert status == 200 and headers["Connection"] == "close"
        assert server.wait() == 0


def test_an_ordinary_end_is_no_death(tmp_path, fake_model):
    """A worker with much memory takes a while to end, so that the others are reaped before it."""
    models = fake_model(rule("leak", leak_mib=400))
    with Server(tmp_path, "--workers", "2", models=models) as server:
        assert server.classify(gray(BAD))[0] == 200
        assert server.stop() == 0
        died = [event for event in server.events() if event["event"].endswith("-died")]
        assert not died, died


def test_the_kernel_would_take_the_gateway_last(tiny_server):
    def score(pid):
        return int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text())
    own = score("self")
    assert [score(worker) for worker in tiny_server.await_workers(2)] == [900, 900]
    assert score(tiny_server.zygote()) == 500
    assert score(tiny_server.gateway()) == score(tiny_server.supervisor) == own


def test_a_second_sigterm_ends_the_server_at_once(tmp_path, fake_model):
    hang = '[[on]]\nclass = 7\ndo = "hang"\n'
    with Server(tmp_path, "--workers", "1", "--hang-floor-ms", "60000",
                models=fake_model(hang)) as server:
        threading.Thread(target=lambda: pytest.raises(Exception, server.classify, gray(7)),
                         daemon=True).start()
        wait_until(lambda: server.metric("holdfast_running_items") == 1, "the item runs")
        server.process.send_signal(signal.SIGTERM)
        server.await_event("drain-started")
        assert server.stop() == 0


def test_nothing_is_left_when_the_server_has_ended(tmp_path):
    with Server(tmp_path, models=TINY) as server:
        family = [server.gateway(), server.zygote(), *server.workers()]
        assert server.stop(signal.SIGINT) == 0
        assert not any(kill(pid, 0) for pid in family)


def test_healthcheck_follows_the_server(tmp_path):
    with Server(tmp_path, models=TINY) as server:
        url = f"http://127.0.0.1:{server.port}/healthz"
        assert run("healthcheck", "--url", url)[0].returncode == 0
        server.stop()
        assert run("healthcheck", "--url", url)[0].returncode == 1


def test_classify_says_the_same_with_and_without_a_server(tmp_path, demo_repository, demo_model):
    photo = PHOTOS / "chelsea.jpg"
    with Server(tmp_path, models=demo_repository) as server:
        remote = run("classify", photo, "--server", f"http://127.0.0.1:{server.port}")[0]
        local = run("classify", photo, "--model", demo_model)[0]
        assert remote.returncode == 0, remote.stderr
        # The first line says how long it took, and that differs.
        assert remote.stdout.splitlines()[1:] == local.stdout.splitlines()[1:]
        assert "Egyptian cat" in local.stdout
