# SPDX-License-Identifier: Apache-2.0
"""Idempotency-Key: the same request is answered the same way, and runs once."""

import http.client
import json
import socket
import threading
import time

import pytest

from tests.process.fake_rules import GOOD
from tests.process.gray import gray
from tests.process.running_server import Server, kill, wait_until

SLOW_MS = 800
KEY = {"idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def runs(server):
    """How many items workers have answered."""
    return server.metric("holdfast_item_stage_seconds_count", stage="infer")


@pytest.fixture
def server(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "2", models=fake_model()) as running:
        yield running
        running.check_quiet()


@pytest.fixture
def slow(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "2", models=fake_model(service_ms=SLOW_MS, busy="false")) as running:
        running.await_workers(2)
        yield running
        running.check_quiet()


def test_the_same_key_and_body_get_the_first_answer(server):
    first = server.request("POST", "/classify", gray(GOOD), KEY)
    assert first[0] == 200 and "Idempotent-Replayed" not in first[1]
    before = runs(server)
    again = server.request("POST", "/classify", gray(GOOD), KEY)
    assert (again[0], again[2]) == (first[0], first[2])
    assert again[1]["Idempotent-Replayed"] == "true"
    assert again[1]["x-request-id"] != first[1]["x-request-id"]
    assert runs(server) == before, "it ran again"
    assert server.metric("holdfast_idempotent_requests_total", outcome="replayed") == 1
    assert server.metric("holdfast_idempotent_bytes") > len(first[2])
    other = server.request("POST", "/classify", gray(GOOD), {"idempotency-key": "another"})
    assert "Idempotent-Replayed" not in other[1] and runs(server) == before + 1


@pytest.mark.parametrize("path, body, headers", [
    ("/classify", gray(GOOD, shade=1), {}),
    ("/classify?top=1", gray(GOOD), {}),
    ("/invocations", gray(GOOD), {}),
    ("/classify", gray(GOOD), {"content-type": "image/png"}),
])
def test_a_key_stands_for_one_request(server, path, body, headers):
    assert server.request("POST", "/classify", gray(GOOD), KEY)[0] == 200
    status, _, answer = server.request("POST", path, body, {**KEY, **headers})
    answer = json.loads(answer)
    assert (status, answer["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert answer["retryable"] is False


def test_a_clients_error_is_as_final_as_an_answer(server):
    first = server.request("POST", "/classify", b"no picture", KEY)
    again = server.request("POST", "/classify", b"no picture", KEY)
    assert first[0] == again[0] == 415
    assert again[1]["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("key", ["k" * 256, "two words", "caf\xe9"])
def test_a_key_that_is_none_is_refused_before_the_body(server, key):
    status, _, answer = server.classify(gray(GOOD), headers={"idempotency-key": key})
    assert (status, answer["reason"]) == (400, "BAD_REQUEST")


def test_requests_at_one_time_run_once(slow):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        slow.request("POST", "/classify", gray(GOOD), KEY))) for _ in range(6)]
    before = runs(slow)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _, _ in answers] == [200] * 6
    assert len({body for _, _, body in answers}) == 1
    assert sum("Idempotent-Replayed" in headers for _, headers, _ in answers) == 5
    assert runs(slow) == before + 1


def test_a_waiting_request_takes_over_from_a_client_that_went_away(slow):
    body = gray(GOOD)
    first = socket.create_connection(("127.0.0.1", slow.port))
    head = f"POST /classify HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in KEY.items())
    first.sendall(head.encode() + b"\r\n" + body)
    wait_until(lambda: slow.metric("holdfast_running_items") == 1, "the first runs")
    answers = []
    second = threading.Thread(
        target=lambda: answers.append(slow.request("POST", "/classify", body, KEY)))
    second.start()
    # It waits once its connection is one of the server's beside the first and the scraper's.
    wait_until(lambda: slow.metric("holdfast_connections") >= 3, "the second waits")
    first.close()
    second.join()
    ((status, headers, _),) = answers
    assert status == 200 and "Idempotent-Replayed" not in headers


def test_a_waiting_request_has_its_own_deadline(slow):
    answers = []
    first = threading.Thread(
        target=lambda: answers.append(slow.request("POST", "/classify", gray(GOOD), KEY)))
    first.start()
    wait_until(lambda: slow.metric("holdfast_running_items") == 1, "the first runs")
    start = time.monotonic()
    # Admission lets it in: the other worker is idle.
    late = slow.classify(gray(GOOD), headers={**KEY, "x-request-timeout-ms": "300"})
    if late[0] != 504:  # The estimate may already know that 300 ms are not enough.
        assert late[2]["reason"] == "OVERLOADED"
    assert time.monotonic() - start < SLOW_MS / 1000
    first.join()
    assert answers[0][0] == 200


def test_a_rescued_request_is_answered_once_for_all(slow):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        slow.request("POST", "/classify", gray(GOOD), KEY))) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: slow.metric("holdfast_running_items") == 1, "one runs")
    for worker in slow.workers():
        kill(worker)
    for thread in threads:
        thread.join()
    assert [status for status, _, _ in answers] == [200, 200]


def test_zero_bytes_turn_keys_off(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "1", "--idempotency-bytes-max", "0",
                models=fake_model()) as server:
        for body in (gray(GOOD), gray(GOOD, shade=1)):
            status, headers, _ = server.classify(body, headers=KEY)
            assert status == 200 and "Idempotent-Replayed" not in headers


def test_an_answer_is_forgotten_after_its_lifetime(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "1", "--idempotency-lifetime-s", "1",
                models=fake_model()) as server:
        assert server.classify(gray(GOOD), headers=KEY)[0] == 200
        wait_until(lambda: "Idempotent-Replayed" not in server.classify(gray(GOOD), headers=KEY)[1],
                   "the key is free again")


def test_keys_work_on_a_connection_that_is_kept(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for turn in range(3):
        connection.request("POST", "/classify", gray(GOOD), KEY)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
        assert (response.getheader("Idempotent-Replayed") == "true") == (turn > 0)
    connection.close()
