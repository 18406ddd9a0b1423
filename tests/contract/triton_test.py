# SPDX-License-Identifier: Apache-2.0
"""Triton's own client libraries against the Open Inference Protocol, over HTTP and over gRPC."""

import queue

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from tests.contract.conftest import MODEL
from tests.process.running_server import PHOTOS, Server

INPUT, OUTPUT, CLASSES = "input", "logits", 1000


class Face:
    """One of the two client libraries, whose calls are nearly alike."""

    def __init__(self, library, client):
        self.library, self.client = library, client
        self.is_http = library is tritonclient.http

    def tensor(self, array, name=INPUT, datatype="FP32", **keywords):
        tensor = self.library.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, **keywords)
        return tensor

    def images(self, *pictures):
        return self.tensor(np.array(pictures, dtype=np.object_), "image", "BYTES")

    def classes(self, count):
        return self.library.InferRequestedOutput(OUTPUT, class_count=count)


@pytest.fixture(params=["http", "grpc"])
def face(request, server):
    if request.param == "http":
        client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}", concurrency=4)
        yield Face(tritonclient.http, client)
    else:
        client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
        yield Face(tritonclient.grpc, client)
    client.close()


@pytest.fixture
def http(server):
    client = tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}")
    yield Face(tritonclient.http, client)
    client.close()


@pytest.fixture
def grpc_face(server):
    client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
    yield Face(tritonclient.grpc, client)
    client.close()


def two_items():
    return np.random.default_rng(1).random((2, 3, 224, 224), dtype=np.float32)


def names(classes):
    return [text.decode().split(":")[2] for text in classes]


# --- What the server says of itself ---

def test_health(face):
    assert face.client.is_server_live() and face.client.is_server_ready()
    assert face.client.is_model_ready(MODEL) and face.client.is_model_ready(MODEL, "1")


def test_metadata(face):
    server = face.client.get_server_metadata()
    model = face.client.get_model_metadata(MODEL)
    config = face.client.get_model_config(MODEL)
    if face.is_http:
        assert server["name"] == "holdfast" and "binary_tensor_data" in server["extensions"]
        assert model["versions"] == ["1"] and model["platform"] == "onnxruntime_onnx"
        assert model["inputs"] == [{"name": INPUT, "datatype": "FP32", "shape": [-1, 3, 224, 224]},
                                   {"name": "image", "datatype": "BYTES", "shape": [-1]}]
        assert model["outputs"][0]["shape"] == [-1, CLASSES]
        assert config["max_batch_size"] == 64
    else:
        assert server.name == "holdfast" and "binary_tensor_data" in server.extensions
        assert list(model.versions) == ["1"] and model.platform == "onnxruntime_onnx"
        assert [(one.name, one.datatype, list(one.shape)) for one in model.inputs] == [
            (INPUT, "FP32", [-1, 3, 224, 224]), ("image", "BYTES", [-1])]
        assert list(model.outputs[0].shape) == [-1, CLASSES]
        assert config.config.max_batch_size == 64
        assert config.config.input[0].data_type == 11  # TYPE_FP32


def test_statistics_grow_with_requests(face, photo):
    def successes():
        stats = face.client.get_inference_statistics(MODEL)
        if face.is_http:
            return stats["model_stats"][0]["inference_stats"]["success"]["count"]
        return stats.model_stats[0].inference_stats.success.count
    before = successes()
    face.client.infer(MODEL, [face.images(photo)])
    assert successes() == before + 1


def test_the_repository_can_be_listed(face):
    index = face.client.get_model_repository_index()
    if not face.is_http:
        index = [{"name": one.name, "state": one.state} for one in index.models]
    assert [(one["name"], one["state"]) for one in index] == [(MODEL, "READY")]


# --- Inference ---

def test_a_tensor_goes_both_ways_in_every_encoding(http, grpc_face):
    items = two_items()
    answers = []
    for binary in (True, False):
        tensor = http.tensor(items, binary_data=binary)
        output = tritonclient.http.InferRequestedOutput(OUTPUT, binary_data=binary)
        for coding in (None, "gzip", "deflate"):
            answer = http.client.infer(MODEL, [tensor], outputs=[output], request_id="q",
                                       request_compression_algorithm=coding,
                                       response_compression_algorithm=coding)
            assert answer.get_response()["id"] == "q"
            answers.append(answer.as_numpy(OUTPUT))
    for coding in (None, "gzip", "deflate"):
        answer = grpc_face.client.infer(MODEL, [grpc_face.tensor(items)], request_id="q",
                                        compression_algorithm=coding)
        assert answer.get_response().id == "q"
        answers.append(answer.as_numpy(OUTPUT))
    for answer in answers:
        assert answer.shape == (2, CLASSES)
        np.testing.assert_allclose(answer, answers[0], atol=1e-5)


def test_pictures_are_classified(face, photo):
    rocket = (PHOTOS / "rocket.jpg").read_bytes()
    answer = face.client.infer(MODEL, [face.images(photo, rocket)], outputs=[face.classes(3)])
    classes = answer.as_numpy(OUTPUT)
    assert classes.shape == (2, 3)
    assert "cat" in names(classes[0])[0] and names(classes[1])[0] == "missile"


def test_requests_overlap(face, photo):
    answers = queue.Queue()
    images = [face.images(photo)]
    if face.is_http:
        handles = [face.client.async_infer(MODEL, images) for _ in range(20)]
        for handle in handles:
            answers.put((handle.get_result(), None))
    else:
        for _ in range(20):
            face.client.async_infer(MODEL, images, callback=lambda result, error: answers.put(
                (result, error)))
    for _ in range(20):
        result, error = answers.get(timeout=30)
        assert error is None and result.as_numpy(OUTPUT).shape == (1, CLASSES)


def test_a_stream_answers_in_order_and_survives_a_bad_request(grpc_face, photo):
    answers = queue.Queue()
    grpc_face.client.start_stream(lambda result, error: answers.put((result, error)))
    for number in range(40):
        grpc_face.client.async_stream_infer(MODEL if number != 7 else "nobody",
                                            [grpc_face.images(photo)], request_id=str(number))
    seen = []
    for _ in range(40):
        result, error = answers.get(timeout=30)
        seen.append("error" if error else result.get_response().id)
    grpc_face.client.stop_stream()
    assert seen == [str(number) if number != 7 else "error" for number in range(40)]


# --- Refusals ---

def test_refusals_say_what_is_wrong(face, photo):
    good = face.tensor(two_items())
    cases = [
        ("nobody", [good], [], "there is no model"),
        (MODEL, [face.tensor(np.zeros((1, 3, 10, 10), np.float32))], [], "has the shape"),
        (MODEL, [face.tensor(two_items().astype(np.int32), datatype="INT32")], [], "datatype"),
        (MODEL, [good, face.images(photo)], [], "one input is expected"),
        (MODEL, [good], [face.library.InferRequestedOutput("nothing")], "output"),
        (MODEL, [face.images(b"hello")], [], "not an image"),
        (MODEL, [face.images(photo[:1000])], [], "decode JPEG"),
        (MODEL, [face.tensor(np.zeros((65, 3, 224, 224), np.float32))], [], "at most"),
    ]
    for model, inputs, outputs, words in cases:
        with pytest.raises(InferenceServerException, match=words) as refusal:
            face.client.infer(model, inputs, outputs=outputs or None)
        assert refusal.value.status() is not None, "a refusal is an answer"
    face.client.infer(MODEL, [face.images(photo)])


def test_models_are_not_unloaded_by_clients_unless_they_may(face):
    with pytest.raises(InferenceServerException):
        face.client.unload_model(MODEL)
    assert face.client.is_model_ready(MODEL)


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_models_are_loaded_and_unloaded_by_clients_that_may(tmp_path, repository, kind):
    with Server(tmp_path, "--workers", "1", "--model-control", "public",
                models=repository) as server:
        library = tritonclient.http if kind == "http" else tritonclient.grpc
        port = server.port if kind == "http" else server.grpc_port
        client = library.InferenceServerClient(f"127.0.0.1:{port}")
        client.unload_model(MODEL)
        with pytest.raises(InferenceServerException):
            client.get_model_metadata(MODEL)
        client.load_model(MODEL)
        assert client.is_model_ready(MODEL)
        client.close()
