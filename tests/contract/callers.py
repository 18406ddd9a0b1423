# SPDX-License-Identifier: Apache-2.0
"""Clients of every face at once, for tests that disturb the server beneath them."""

import threading

import grpc
import numpy as np
import requests
import tritonclient.grpc
import tritonclient.http

from tests.contract.conftest import MODEL
from tests.contract.tensorflow_serving_test import fill_image, predict_request, scores

OUTPUT = "logits"
SECONDS = 30  # For a call: what is slow here is the machine that the tests share.
LONG = {"x-request-timeout-ms": str(SECONDS * 1000)}
FACES = ["rest", "tensorflow", "triton_http", "triton_grpc"]


class Callers:
    """Threads that ask without end over every face, and keep what was not right."""

    def __init__(self, server, serving, photo, threads_each=1):
        self.server, self.serving, self.photo = server, serving, photo
        self.stop = threading.Event()
        self.answered, self.failures = [], []
        self.threads = [threading.Thread(target=self._run, args=[face]) for face in FACES
                        for _ in range(threads_each)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _run(self, face):
        call = getattr(self, f"_{face}")()
        while not self.stop.is_set():
            try:
                assert call() == 282, "another class"
                self.answered.append(face)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is a failure)
                self.failures.append((face, f"{type(error).__name__}: {error}"))
                return  # One is enough to fail.

    def _rest(self):
        session = requests.Session()

        def call():
            answer = session.post(f"http://127.0.0.1:{self.server.port}/classify", data=self.photo,
                                  headers=LONG, timeout=SECONDS)
            assert answer.status_code == 200, answer.text
            return answer.json()["predictions"][0]["index"]
        return call

    def _tensorflow(self):
        stub = self.serving.prediction(grpc.insecure_channel(f"127.0.0.1:{self.server.grpc_port}"))
        request, tensor = predict_request(self.serving, "image")
        fill_image(tensor, self.photo)
        return lambda: scores(stub.Predict(request, timeout=SECONDS)).argmax()

    def _triton(self, library, port, **options):
        client = library.InferenceServerClient(f"127.0.0.1:{port}")
        image = library.InferInput("image", [1], "BYTES")
        image.set_data_from_numpy(np.array([self.photo], dtype=np.object_))
        return lambda: client.infer(MODEL, [image], **options).as_numpy(OUTPUT).argmax()

    def _triton_http(self):
        return self._triton(tritonclient.http, self.server.port, headers=dict(LONG))

    def _triton_grpc(self):
        return self._triton(tritonclient.grpc, self.server.grpc_port, client_timeout=SECONDS)
