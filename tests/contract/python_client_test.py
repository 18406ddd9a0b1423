# SPDX-License-Identifier: Apache-2.0
"""holdfast-client against a server whose workers are killed, that is full, and that is gone."""

import os
import signal
import sys
import threading
import time

import pytest

from tests.process.running_server import PHOTOS, ROOT, Server

sys.path.insert(0, str(ROOT / "clients/python/src"))

from holdfast_client import (Client, ConnectionFailed, ImageRejected, NotFound,  # noqa: E402
                             Overloaded, RetryPolicy)


def test_it_speaks_the_servers_language(server, photo):
    with Client(f"http://127.0.0.1:{server.port}") as client:
        assert client.ready() and client.live()
        answer = client.classify(PHOTOS / "chelsea.jpg", top=3)
        assert answer.best.label == "tiger cat" and len(answer.predictions) == 3
        assert client.model_status(answer.model)[0].state == "AVAILABLE"
        with pytest.raises(ImageRejected) as refusal:
            client.classify(b"hello")
        assert refusal.value.reason == "UNSUPPORTED_MEDIA" and refusal.value.request_id
        with pytest.raises(NotFound):
            client.classify(photo, model="nobody")


@pytest.mark.timeout(60)
def test_killed_workers_cost_its_callers_nothing(tmp_path, repository, photo):
    with Server(tmp_path, "--workers", "2", models=repository) as server:
        server.await_workers(2)
        stop, answers, failures = threading.Event(), [], []

        def ask(client):
            while not stop.is_set():
                try:
                    answers.append(client.classify(photo).best.label)
                except Exception as error:  # noqa: BLE001 (whatever it is, it is a failure)
                    failures.append(repr(error))
        with Client(f"http://127.0.0.1:{server.port}") as client:
            threads = [threading.Thread(target=ask, args=[client]) for _ in range(3)]
            for thread in threads:
                thread.start()
            end, kills = time.monotonic() + 4, 0
            while time.monotonic() < end:
                stop.wait(0.3)
                for victim in server.workers()[:1]:
                    os.kill(victim, signal.SIGKILL)
                    kills += 1
            stop.set()
            for thread in threads:
                thread.join()
        assert failures == [] and set(answers) == {"tiger cat"} and kills >= 8


def test_a_full_server_is_told_apart_from_one_that_is_gone(tmp_path, fake_model):
    with Server(tmp_path, "--workers", "1", "--queue-items-max", "1",
                models=fake_model(service_ms=300, busy="false")) as server:
        picture = (PHOTOS / "chelsea.jpg").read_bytes()
        with Client(f"http://127.0.0.1:{server.port}", policy=RetryPolicy(retries=0)) as client:
            refused = []

            def ask():
                try:
                    client.classify(picture)
                except Overloaded as refusal:
                    refused.append(refusal)
            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert refused and all(one.retry_after and one.retry_after > 0 for one in refused)
            server.stop()
            with pytest.raises(ConnectionFailed):
                client.classify(picture)
            assert client.ready() is False
