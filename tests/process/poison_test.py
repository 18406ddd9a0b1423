# SPDX-License-Identifier: Apache-2.0
"""Items that hurt their workers, and workers that hurt their items."""

import json
import signal
import threading

import pytest

from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import Server, kill, title_of, wait_until

TINY_SIDE = 32  # Of the input of the model `tiny`.


def check_good(server):
    status, _, answer = server.classify(gray(GOOD))
    assert status == 200 and answer["predictions"][0]["index"] == GOOD


@pytest.mark.parametrize(("what", "cause", "words"), [
    ("abort", "signal", "signal 6"),
    ("segv", "signal", "signal 11"),
    ("exit", "exit", "exit status 3"),
])
def test_an_image_that_kills_two_workers_is_refused_and_quarantined(
        tmp_path, fake_model, what, cause, words):
    with Server(tmp_path, "--workers", "2", models=fake_model(rule(what))) as server:
        status, headers, answer = server.classify(gray(BAD), headers={"x-request-id": "poison-1"})
        assert status == 500
        assert answer["reason"] == "REQUEST_CRASHED_WORKER" and answer["retryable"] is False
        assert answer["request_id"] == headers["x-request-id"] == "poison-1"
        deaths = server.await_event("worker-died", 2)
        for death in deaths:
            assert death["cause"] == cause and words in death["exit"]
            assert death["request_id"] == "poison-1" and len(death["digest"]) == 64
        check_good(server)
        again, _, answer = server.classify(gray(BAD))
        assert (again, answer["reason"]) == (500, "REQUEST_QUARANTINED")
        assert len(server.events("worker-died")) == 2
        assert server.metric("holdfast_quarantined_total") == 1
        server.check_quiet()


def test_the_last_words_of_a_library_are_in_the_log_of_the_death(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "1", models=fake_model(rule("out-of-memory"))) as server:
        assert server.classify(gray(BAD))[2]["reason"] == "REQUEST_CRASHED_WORKER"
        death = server.await_event("worker-died")[0]
        assert death["last_words"] == "out of memory while serving"
        assert death["cause"] == "out-of-memory" and death["model"] == "fake/1"


def test_a_hung_worker_is_killed_and_its_item_tried_again(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "2", "--hang-floor-ms", "300",
                models=fake_model(rule("hang"))) as server:
        status, _, answer = server.classify(gray(BAD))
        assert (status, answer["reason"]) == (500, "REQUEST_CRASHED_WORKER")
        wait_until(lambda: server.metric("holdfast_worker_exits_total", cause="hung") == 2,
                   "two hung workers are counted")
        check_good(server)
        server.check_quiet()


def test_the_item_of_a_stopped_worker_is_answered_by_another(tmp_path, fake_model):
    repository = fake_model(service_ms=5)
    with Server(tmp_path, "--workers", "2", "--hang-floor-ms", "300",
                models=repository) as server:
        stopped = server.workers()[0]
        kill(stopped, signal.SIGSTOP)
        attempts = 0
        for _ in range(4):
            status, headers, answer = server.classify(gray(GOOD))
            assert status == 200 and answer["predictions"][0]["index"] == GOOD
            attempts = max(attempts, int(headers["x-holdfast-attempts"]))
        server.await_workers(2, without=[stopped])
        assert server.metric("holdfast_worker_exits_total", cause="hung") == 1
        server.check_quiet()


@pytest.mark.parametrize("what", ["nan", "inf", "zeros"])
def test_an_invalid_output_is_never_delivered(tmp_path, fake_model, what):
    with Server(tmp_path, "--workers", "2", models=fake_model(rule(what))) as server:
        status, _, answer = server.classify(gray(BAD))
        assert (status, answer["reason"]) == (500, "OUTPUT_INVALID")
        assert server.metric("holdfast_invalid_outputs_total") == 2
        check_good(server)
        server.check_quiet()


def test_idle_workers_that_no_longer_know_their_golden_example_are_found_out(tmp_path, fake_model):
    # The golden example passes before the fork; what each worker answers after that is wrong.
    repository = fake_model(rule("wrong", label=GOOD, after=1), golden=GOOD)
    with Server(tmp_path, "--workers", "2", "--golden-interval-s", "1",
                models=repository) as server:
        failures = server.await_event("golden-failed", 2)
        assert failures[1]["in_a_row"] == 2 and "class" not in failures[0]["model"]
        wait_until(lambda: server.get("/ping")[0] == 503, "the server is not ready any more")
        assert server.metric("holdfast_golden_failures_total") >= 2
        assert server.metric("holdfast_worker_exits_total", cause="invalid-output") >= 4
        assert "the golden example is of class" in server.events("answer-invalid")[0]["why"]


def test_a_request_whose_deadline_passes_gets_a_504_in_time(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "1",
                models=fake_model(rule("slow", ms=2000))) as server:
        status, _, answer = server.classify(gray(BAD), headers={"x-request-timeout-ms": "200"})
        assert (status, answer["reason"]) == (504, "DEADLINE_EXCEEDED")
        server.check_quiet()


def test_a_model_that_dies_while_loading_spends_its_budget_and_ends_the_server(
        tmp_path, fake_model):
    repository = fake_model(on_load='"abort"')
    with Server(tmp_path, "--workers", "1", "--restarts-max", "2", models=repository,
                wait=False) as server:
        wait_until(server.port_file.exists, "the port file")
        seen = []

        def ping():
            try:
                seen.append(server.get("/ping")[0])
            except OSError:
                pass
            return server.process.poll() is not None
        wait_until(ping, "the server gives up", 60)
        assert server.wait() not in (0, None)
        assert set(seen) == {503}
        last = server.events("giving-up")[-1]
        assert "fake/1" in last["why"]


def test_a_silent_supervisor_makes_no_image_guilty(tmp_path, fake_model):
    """Two deaths that nobody explains in time: the image is tried again, once there are workers."""
    models = fake_model(service_ms=700, busy="false")
    with Server(tmp_path, "--workers", "2", models=models) as server:
        first, second = sorted(server.await_workers(2), key=title_of)
        answers = []
        asker = threading.Thread(target=lambda: answers.append(server.classify(gray(GOOD))))
        asker.start()
        wait_until(lambda: server.metric("holdfast_running_items") == 1, "the item runs")
        kill(server.supervisor, signal.SIGSTOP)
        try:
            kill(first)
            wait_until(lambda: server.metric("holdfast_items_rescued_total") == 1 and
                       server.metric("holdfast_running_items") == 1, "it runs again")
            kill(second)
            wait_until(lambda: server.metric("holdfast_items_rescued_total") == 2 or answers,
                       "nobody waits for a verdict any more")
        finally:
            kill(server.supervisor, signal.SIGCONT)
        asker.join()
        status, headers, _ = answers[0]
        assert status == 200 and headers["x-holdfast-attempts"] == "3"
        assert server.metric("holdfast_quarantined_total") == 0
        server.check_quiet()


def test_tensors_beyond_the_models_range_cost_no_worker(tiny_server):
    numbers = [[[3e38] * TINY_SIDE] * TINY_SIDE] * 3
    body = json.dumps({"instances": [numbers]})
    before = tiny_server.await_workers(2)
    for _ in range(10):
        status, _, answer = tiny_server.classify(body, path="/v1/models/tiny:predict")
        assert status == 500 and answer["reason"] == "OUTPUT_INVALID" and answer["item"] == 0
    assert tiny_server.workers() == before
    assert tiny_server.metric("holdfast_worker_exits_total") == 0
    assert tiny_server.metric("holdfast_invalid_outputs_total") == 20
    tiny_server.check_quiet()
