# SPDX-License-Identifier: Apache-2.0
"""Workers that grow, and workers that a sandbox holds."""

import pytest

from tests.process.fake_rules import BAD, GOOD, rule
from tests.process.gray import gray
from tests.process.running_server import Server, wait_until

def test_a_worker_that_grows_is_replaced_between_two_images(tmp_path, fake_model):
    leaking = fake_model(rule("leak", leak_mib=16))
    with Server(tmp_path, "--workers", "2", "--worker-growth-max", "64MiB",
                models=leaking) as server:
        server.await_workers(2)

        def classify_until_replaced():
            status, headers, answer = server.classify(gray(BAD))
            assert status == 200 and answer["predictions"][0]["index"] == BAD
            assert headers["x-holdfast-attempts"] == "1"
            return server.metric("holdfast_worker_exits_total", cause="outgrown") >= 2
        wait_until(classify_until_replaced, "both workers have been replaced")
        outgrown = server.events("worker-outgrown")
        assert len(outgrown) >= 2
        assert all(event["grown_mib"] > event["allowed_mib"] == 64 for event in outgrown)
        # Never two at once: the second was told to go after the first one had gone.
        died = server.events("worker-died")
        assert outgrown[1]["time"] > died[0]["time"]
        assert server.metric("holdfast_worker_exits_total") == len(died)
        server.check_quiet()


@pytest.mark.parametrize("deed", ["connect", "execute", "fork", "signal"])
def test_a_worker_that_tries_to_escape_is_ended(tmp_path, fake_model, deed):
    with Server(tmp_path, "--workers", "2", "--sandbox", "required",
                models=fake_model(rule(deed))) as server:
        status, _, answer = server.classify(gray(BAD))
        assert (status, answer["reason"]) == (500, "REQUEST_CRASHED_WORKER")
        assert {event["exit"] for event in server.await_event("worker-died", 2)} == {
            "signal 31 (Bad system call)"}
        assert server.classify(gray(GOOD))[0] == 200
        server.check_quiet()


def test_a_worker_opens_no_file(tmp_path, fake_model):
    repository = fake_model(rule("open-file"))
    with Server(tmp_path, "--workers", "1", "--sandbox", "required", models=repository) as server:
        status, _, answer = server.classify(gray(BAD))
        assert status == 200 and answer["predictions"][0]["index"] == BAD
        assert server.metric("holdfast_worker_exits_total") == 0


@pytest.mark.parametrize("deed", ["open-file", "connect", "fork", "signal"])
def test_without_a_sandbox_the_same_worker_escapes(tmp_path, fake_model, deed):
    """What the tests above would show if the sandbox did nothing."""
    with Server(tmp_path, "--workers", "1", "--sandbox", "off",
                models=fake_model(rule(deed))) as server:
        status, _, answer = server.classify(gray(BAD))
        assert (status, answer["reason"]) == (500, "INTERNAL")
        assert answer["error"].startswith("the worker could ")


def test_a_crash_leaves_a_backtrace(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "1", models=fake_model(rule("abort"))) as server:
        server.classify(gray(BAD))
        words = server.await_event("worker-died")[0]["last_words"]
        assert words.startswith("signal 6, backtrace: ") and "holdfast-worker+0x" in words
