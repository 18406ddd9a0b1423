# SPDX-License-Identifier: Apache-2.0
"""holdfast-client's retry policy: each rule against a server of a few lines, with a clock of ours."""

import asyncio
import json
import random
import sys

import httpx
import pytest

from tests.process.running_server import ROOT

sys.path.insert(0, str(ROOT / "clients/python/src"))

from holdfast_client import (AsyncClient, Client, ConnectionFailed, DeadlineExceeded,  # noqa: E402
                             HoldfastError, ImageRejected, InvalidRequest, NotFound, Overloaded,
                             RequestCrashedWorker, RetryBudget, RetryPolicy, ServerFault)

GOOD = {"model": "m", "version": "1", "predictions": [{"label": "cat", "index": 3,
                                                       "probability": 0.5}]}


def refusal(status, reason, **more):
    return httpx.Response(status, json={"error": "x", "message": "words", "code": status,
                                        "reason": reason, "retryable": True, **more})


class Scene:
    """A clock that sleeping moves, and a server that answers as told, in order."""

    def __init__(self, *answers, latency=0.0, **keywords):
        self.time, self.pauses, self.requests = 100.0, [], []
        self.answers, self.latency = list(answers), latency
        self.client = Client("http://server", transport=httpx.MockTransport(self.answer),
                             now=lambda: self.time, sleep=self.sleep,
                             generator=random.Random(1), **keywords)

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.time += seconds

    def answer(self, request):
        self.requests.append(request)
        self.time += self.latency
        answer = self.answers.pop(0) if self.answers else httpx.Response(200, json=GOOD)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def classify(self, **keywords):
        return self.client.classify(b"picture", **keywords)

    def timeouts(self):
        return [int(request.headers["x-request-timeout-ms"]) for request in self.requests]


def test_an_answer_is_read():
    answer = Scene(httpx.Response(200, json=GOOD, headers={
        "x-request-id": "r", "x-holdfast-attempts": "2"})).classify(model="m", version=1, top=1)
    assert (answer.best.label, answer.best.index, answer.best.probability) == ("cat", 3, 0.5)
    assert (answer.model, answer.version, answer.request_id, answer.attempts) == ("m", "1", "r", 2)


def test_the_request_says_what_is_asked():
    scene = Scene()
    scene.classify(model="m", version=7, top=3, deadline=2.5)
    request = scene.requests[0]
    assert dict(request.url.params) == {"top": "3", "model": "m", "version": "7"}
    assert request.content == b"picture" and scene.timeouts() == [2500]


def test_a_file_is_read(tmp_path):
    scene = Scene()
    (tmp_path / "a.jpg").write_bytes(b"bytes of a file")
    scene.client.classify(tmp_path / "a.jpg")
    assert scene.requests[0].content == b"bytes of a file"
    with pytest.raises(FileNotFoundError):
        scene.client.classify(str(tmp_path / "none.jpg"))


@pytest.mark.parametrize("status, reason, kind", [
    (400, "BAD_REQUEST", InvalidRequest), (404, "NOT_FOUND", NotFound),
    (415, "UNSUPPORTED_MEDIA", ImageRejected), (422, "IMAGE_DECODE_FAILED", ImageRejected),
    (413, "PAYLOAD_TOO_LARGE", InvalidRequest),
    (500, "REQUEST_CRASHED_WORKER", RequestCrashedWorker),
    (500, "REQUEST_QUARANTINED", RequestCrashedWorker)])
def test_what_would_fail_again_is_not_tried_again(status, reason, kind):
    scene = Scene(refusal(status, reason, request_id="r", item=2))
    with pytest.raises(kind) as error:
        scene.classify()
    assert len(scene.requests) == 1 and scene.pauses == []
    assert (error.value.reason, error.value.status, error.value.request_id, error.value.item,
            error.value.attempts) == (reason, status, "r", 2, 1)


def test_a_full_server_is_asked_again_when_it_says():
    scene = Scene(refusal(503, "OVERLOADED", retry_after_ms=1500), refusal(503, "NO_WORKER"))
    assert scene.classify(deadline=10).best.label == "cat"
    assert scene.pauses[0] == 1.5 and 0 <= scene.pauses[1] <= 0.2
    # What is left is told each time, and the call is the same one.
    assert scene.timeouts()[:2] == [10000, 8500]
    assert len({request.headers["idempotency-key"] for request in scene.requests}) == 1


def test_a_header_of_seconds_will_do():
    scene = Scene(httpx.Response(429, text="slow down", headers={"retry-after": "2"}))
    scene.classify()
    assert scene.pauses == [2.0]


def test_it_gives_up_after_two_more_tries():
    scene = Scene(*[refusal(503, "OVERLOADED", retry_after_ms=10)] * 5)
    with pytest.raises(Overloaded) as error:
        scene.classify()
    assert len(scene.requests) == 3 and error.value.attempts == 3


def test_nothing_is_tried_that_cannot_be_in_time():
    scene = Scene(refusal(503, "OVERLOADED", retry_after_ms=3000))
    with pytest.raises(Overloaded):
        scene.classify(deadline=2)
    assert scene.pauses == []


def test_a_servers_fault_is_tried_once_more():
    scene = Scene(refusal(500, "INTERNAL"), refusal(500, "OUTPUT_INVALID"))
    with pytest.raises(ServerFault):
        scene.classify()
    assert len(scene.requests) == 2


def test_connections_that_end_are_made_again():
    scene = Scene(httpx.ConnectError("refused"), httpx.RemoteProtocolError("closed"))
    assert scene.classify().best.label == "cat"
    dead = Scene(*[httpx.ConnectError("refused")] * 3)
    with pytest.raises(ConnectionFailed):
        dead.classify()


def test_no_answer_in_time_is_a_deadline():
    scene = Scene(httpx.ReadTimeout("late"), latency=5)
    with pytest.raises(DeadlineExceeded):
        scene.classify(deadline=5)
    assert len(scene.requests) == 1


def test_a_servers_deadline_is_tried_again_while_there_is_time():
    scene = Scene(refusal(504, "DEADLINE_EXCEEDED"), latency=1)
    assert scene.classify(deadline=10).best.label == "cat"


def test_retries_are_a_tenth_of_the_calls():
    budget = RetryBudget(ratio=0.1, reserve=2)
    scene = Scene(*[refusal(503, "OVERLOADED", retry_after_ms=1)] * 1000, budget=budget,
                  policy=RetryPolicy(retries=1))
    for _ in range(200):
        with pytest.raises(Overloaded):
            scene.classify()
    assert 200 + 20 <= len(scene.requests) <= 200 + 22


def test_pauses_are_random_and_bounded():
    policy, generator = RetryPolicy(retries=10), random.Random(1)
    error = ConnectionFailed("x", reason="UNAVAILABLE")
    for tries in range(1, 11):
        pauses = [policy.pause_before_next(error, tries, 100, generator) for _ in range(50)]
        assert 0 <= min(pauses) and max(pauses) <= min(2.0, 0.05 * 2**tries)
        assert len(set(pauses)) > 40


def test_what_is_no_answer_of_ours_is_an_error_too():
    with pytest.raises(ServerFault):
        Scene(httpx.Response(200, text="<html>"), httpx.Response(200, text="<html>")).classify()
    with pytest.raises(HoldfastError) as error:
        Scene(httpx.Response(418, json=["tea"])).classify()
    assert error.value.reason == "HTTP_418"


def test_probes_and_status():
    status = {"model_version_status": [{"version": "2", "state": "AVAILABLE",
                                        "status": {"error_code": "OK", "error_message": ""}}]}
    scene = Scene(httpx.Response(503), httpx.ConnectError("refused"),
                  httpx.Response(200, json=status),
                  httpx.Response(200, json={"predictions": [[1.0, 2.0]]}))
    assert scene.client.ready() is False and scene.client.live() is False
    assert scene.client.model_status("m")[0].state == "AVAILABLE"
    assert scene.client.predict([[1, 2]], model="a/b") == [[1.0, 2.0]]
    assert scene.requests[-1].url.raw_path == b"/v1/models/a%2Fb:predict"
    assert json.loads(scene.requests[-1].content) == {"instances": [[1, 2]]}


def test_a_key_is_sent_as_bearer_token():
    scene = Scene(api_key="secret")
    scene.classify()
    assert scene.requests[0].headers["authorization"] == "Bearer secret"


def test_coroutines_do_the_same():
    answers = [refusal(503, "OVERLOADED", retry_after_ms=100), httpx.Response(200, json=GOOD)]
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    async def run():
        async with AsyncClient("http://server", sleep=sleep, transport=httpx.MockTransport(
                lambda request: answers.pop(0))) as client:
            return await client.classify(b"picture")
    assert asyncio.run(run()).best.label == "cat"
    assert pauses == [0.1]
