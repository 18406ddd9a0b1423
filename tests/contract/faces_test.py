# SPDX-License-Identifier: Apache-2.0
"""One engine behind all faces: the same answers, and no request lost when workers are killed."""

import base64
import json
import os
import shutil
import signal
import subprocess
import time

import grpc
import numpy as np
import pytest
import requests
import tritonclient.http

from tests.contract.callers import FACES, OUTPUT, Callers
from tests.contract.conftest import MODEL
from tests.contract.tensorflow_serving_test import fill_image, predict_request, scores
from tests.process.running_server import MODELS, PHOTOS, Server, wait_until


def softmax(row):
    powers = np.exp(np.asarray(row, np.float64) - np.max(row))
    return powers / powers.sum()


def by_label(server, path, **keywords):
    answer = requests.post(f"http://127.0.0.1:{server.port}{path}", timeout=30, **keywords)
    assert answer.status_code == 200, answer.text
    return answer.json()


def top_five(probabilities):
    return sorted(probabilities.items(), key=lambda one: -one[1])[:5]


def test_the_same_photo_gets_the_same_answer_from_every_face(server, serving, channel, photo):
    raw = {one["label"]: one["probability"]
           for one in by_label(server, "/classify", data=photo)["predictions"]}
    b64 = base64.b64encode(photo).decode()
    results = by_label(server, f"/v1/models/{MODEL}:classify",
                       json={"examples": [{"image": {"b64": b64}}]})
    torch = by_label(server, f"/predictions/{MODEL}", data=photo)
    triton = tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}")
    image = tritonclient.http.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([photo], dtype=np.object_))
    classes = triton.infer(MODEL, [image], outputs=[tritonclient.http.InferRequestedOutput(
        OUTPUT, class_count=5)]).as_numpy(OUTPUT)[0]
    triton.close()
    sagemaker = by_label(server, "/invocations", data=photo,
                         headers={"content-type": "application/x-image"})
    request = serving.messages.ClassificationRequest()
    request.model_spec.name = MODEL
    request.input.example_list.examples.add().features.feature["image"].bytes_list.value.append(photo)
    tf_classes = serving.prediction(channel).Classify(request, timeout=10)
    faces = {
        "TensorFlow Serving REST": dict(results["results"][0][:5]),
        "TensorFlow Serving gRPC": {one.label: one.score for one in
                                    tf_classes.result.classifications[0].classes[:5]},
        "TorchServe": torch,
        "Open Inference Protocol": {text.decode().split(":")[2]: float(text.decode().split(":")[0])
                                    for text in classes},
        "SageMaker": {one["label"]: one["probability"] for one in sagemaker["predictions"]},
    }
    for face, answer in faces.items():
        assert [label for label, _ in top_five(answer)] == [label for label, _ in top_five(raw)], face
        for label, probability in raw.items():
            assert abs(answer[label] - probability) < 1e-6, (face, label)
    # The raw scores are the same, too.
    rows = by_label(server, f"/v1/models/{MODEL}:predict", json={"instances": [{"b64": b64}]})
    predict, tensor = predict_request(serving, "image")
    fill_image(tensor, photo)
    grpc_row = scores(serving.prediction(channel).Predict(predict, timeout=10))[0]
    np.testing.assert_allclose(rows["predictions"][0], grpc_row, atol=1e-6)
    assert abs(softmax(grpc_row).max() - max(raw.values())) < 1e-6


def test_torchserve_clients_are_understood(server, photo, tmp_path):
    url = f"http://127.0.0.1:{server.port}/predictions/{MODEL}"
    picture = PHOTOS / "chelsea.jpg"
    put = subprocess.run(["curl", "-s", url, "-T", str(picture)], capture_output=True, timeout=30)
    form = subprocess.run(["curl", "-s", url, "-F", f"data=@{picture}"], capture_output=True,
                          timeout=30)
    assert json.loads(put.stdout) == json.loads(form.stdout)
    assert next(iter(json.loads(put.stdout))) == "tiger cat"
    versioned = requests.post(url + "/1", data=photo, timeout=30)
    assert versioned.status_code == 200
    unknown = requests.post(url[:-3] + "nobody", data=photo, timeout=30)
    assert (unknown.status_code, unknown.json()["code"], unknown.json()["type"]) == (
        404, 404, "ModelNotFoundException")
    version = requests.post(url + "/9", data=photo, timeout=30)
    assert version.json()["type"] == "ModelVersionNotFoundException"
    bad = requests.post(url, data=b"hello", timeout=30)
    assert (bad.status_code, bad.json()["type"]) == (415, "BadRequestException")
    models = requests.get(f"http://127.0.0.1:{server.port}/models", timeout=30).json()
    assert [one["modelName"] for one in models["models"]] == [MODEL]
    described = requests.get(f"http://127.0.0.1:{server.port}/models/{MODEL}", timeout=30).json()
    assert described[0]["modelVersion"] == "1"


def test_a_batch_transform_learns_how_much_it_may_send(server):
    answer = requests.get(f"http://127.0.0.1:{server.port}/execution-parameters", timeout=30)
    assert answer.json() == {"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD",
                             "MaxPayloadInMB": 16}


def test_a_compressed_bomb_is_refused(server):
    import gzip
    bomb = gzip.compress(bytes(200 << 20), 9)
    answer = requests.post(f"http://127.0.0.1:{server.port}/v2/models/{MODEL}/infer", data=bomb,
                           headers={"content-encoding": "gzip"}, timeout=30)
    assert (answer.status_code, answer.json()["reason"]) == (413, "PAYLOAD_TOO_LARGE")
    cut = requests.post(f"http://127.0.0.1:{server.port}/v2/models/{MODEL}/infer", data=bomb[:999],
                        headers={"content-encoding": "gzip"}, timeout=30)
    assert cut.status_code in (400, 413)


def test_reflection_lists_the_services(channel):
    from tests.contract.reflection import services_of
    assert {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService",
            "inference.GRPCInferenceService", "grpc.health.v1.Health"} <= services_of(channel)


@pytest.mark.timeout(120)
def test_no_face_loses_a_request_when_workers_are_killed(tmp_path, repository, serving, photo):
    with Server(tmp_path, "--workers", "2", models=repository) as server:
        server.await_workers(2)
        kills = 0
        with Callers(server, serving, photo) as callers:
            end = time.monotonic() + 8
            while time.monotonic() < end:
                callers.stop.wait(0.4)
                victims = server.workers()
                if victims:
                    os.kill(victims[kills % len(victims)], signal.SIGKILL)
                    kills += 1
        assert callers.failures == []
        assert kills >= 10 and set(callers.answered) == set(FACES)
        server.await_event("worker-died", kills)
        assert server.metric("holdfast_items_rescued_total") >= 1
        assert server.metric("holdfast_requests_unaccounted") == 0


def add_version(repository, number):
    """The demo model once more, as a version that appears at once and whole."""
    making = repository.parent / "in-the-making"
    shutil.copytree(MODELS / MODEL / "1", making)
    (repository / MODEL).mkdir(parents=True, exist_ok=True)
    making.rename(repository / MODEL / str(number))


@pytest.mark.timeout(180)
def test_no_face_loses_a_request_when_versions_swap_and_workers_are_killed(tmp_path, serving, photo):
    models = tmp_path / "models"
    add_version(models, 1)
    kills, swaps = 0, 3
    with Server(tmp_path, "--workers", "2", models=models) as server:
        server.await_workers(2)
        with Callers(server, serving, photo, threads_each=2) as callers:
            for number in range(2, 2 + swaps):
                add_version(models, number)
                while len(server.events("model-unloaded")) < number - 1:
                    callers.stop.wait(0.3)
                    for victim in server.workers()[kills % 2:][:1]:
                        os.kill(victim, signal.SIGKILL)
                        kills += 1
            so_far = len(callers.answered)
            wait_until(lambda: set(callers.answered[so_far:]) == set(FACES) or callers.failures,
                       "every face answers from the last version")
        assert callers.failures == []
        assert [event["model"] for event in server.events("model-activated")] == [
            f"{MODEL}/{number}" for number in range(1, 2 + swaps)]
        assert kills > swaps and server.metric("holdfast_items_rescued_total") >= 1
        server.check_quiet()


@pytest.mark.timeout(60)
def test_grpc_calls_that_run_are_answered_by_a_server_that_drains(tmp_path, repository, serving,
                                                                   photo):
    with Server(tmp_path, "--workers", "1", models=repository) as server:
        channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
        stub = serving.prediction(channel)
        request, tensor = predict_request(serving, "image")
        fill_image(tensor, *[photo] * 32)  # About half a second of work.
        running = [stub.Predict.future(request, timeout=30) for _ in range(3)]
        wait_until(lambda: server.metric("holdfast_requests_in_flight") == 3, "three calls run")
        server.process.send_signal(signal.SIGTERM)
        for call in running:
            assert scores(call.result()).shape == (32, 1000)
        assert server.process.wait(timeout=30) == 0
        channel.close()
