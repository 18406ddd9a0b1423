# SPDX-License-Identifier: Apache-2.0
"""SavedModels that Keras makes here, in TensorFlow Serving's layout, asked over REST and by the
package tensorflow-serving-api; TensorFlow itself says what is right."""

import base64
import io
import json
import os
import subprocess

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import grpc  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import requests  # noqa: E402
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402
from tensorflow_serving.apis import (classification_pb2, get_model_metadata_pb2,  # noqa: E402
                                     get_model_status_pb2, model_management_pb2,
                                     model_service_pb2_grpc, predict_pb2,
                                     prediction_service_pb2_grpc)

from tests.clients.conftest import MODEL  # noqa: E402
from tests.process.running_server import BIN, PHOTOS, ROOT, Server  # noqa: E402

TOLERANCE = 1e-4
TOP = 5


def small():
    layers = keras.layers
    return keras.Sequential([
        layers.Input((32, 32, 3), name="pixels"),
        layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax", name="probabilities"),
    ])


def resnet50():
    """Keras' own, with seeded weights; its head is centred, for otherwise one class is all it knows."""
    model = keras.applications.ResNet50(weights=None)
    head = model.layers[-1]
    items = np.random.default_rng(5).normal(0, 60, (2, 224, 224, 3)).astype(np.float32)
    mean = keras.Model(model.input, model.layers[-2].output)(items, training=False).numpy().mean(0)
    kernel, _ = head.get_weights()
    head.set_weights([kernel * 4, -4 * mean @ kernel])
    return model


class Served:
    """A model, TensorFlow's copy of it, and the server that has its folder."""

    def __init__(self, folder, name, build):
        keras.utils.set_random_seed(11)
        self.name, self.model = name, build()
        self.base_path = folder / name
        self.model.export(self.base_path / "1", verbose=False)
        self.loaded = tf.saved_model.load(self.base_path / "1").signatures["serving_default"]
        self.input = next(iter(self.loaded.structured_input_signature[1]))
        self.output = next(iter(self.loaded.structured_outputs))
        self.server = Server(folder, "--model_name", name, "--model_base_path", self.base_path,
                             "--workers", "2")

    def truth(self, items):
        return self.loaded(**{self.input: tf.constant(items)})[self.output].numpy()

    def items(self, count):
        height, width, channels = self.model.input_shape[1:]
        # What Keras' ResNet50 expects: pixels with the mean taken off.
        return np.random.default_rng(5).normal(
            0, 60, (count, height, width, channels)).astype(np.float32)

    def post(self, path, **keywords):
        answer = requests.post(f"http://127.0.0.1:{self.server.port}{path}", timeout=60, **keywords)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def predict(self, items, signature=""):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.name
        request.model_spec.signature_name = signature
        request.inputs[self.input].CopyFrom(tf.make_tensor_proto(items))
        with grpc.insecure_channel(f"127.0.0.1:{self.server.grpc_port}") as channel:
            answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(
                request, timeout=60)
        assert answer.model_spec.version.value == 1
        return tf.make_ndarray(answer.outputs[self.output])


@pytest.fixture(scope="module", params=[small, resnet50])
def served(request, tmp_path_factory, built):  # noqa: F811
    name = request.param.__name__
    one = Served(tmp_path_factory.mktemp(name), name, request.param)
    with one.server:
        yield one
        one.server.check_quiet()


def test_rest_answers_as_tensorflow_does(served):
    items = served.items(2)
    rows = served.post(f"/v1/models/{served.name}:predict", json={"instances": items.tolist()})
    np.testing.assert_allclose(rows["predictions"], served.truth(items), atol=TOLERANCE)
    columns = served.post(f"/v1/models/{served.name}:predict",
                          json={"inputs": {served.input: items.tolist()},
                                "signature_name": "serving_default"})
    np.testing.assert_allclose(columns["outputs"], served.truth(items), atol=TOLERANCE)


@pytest.mark.parametrize("signature", ["", "serving_default"])
def test_grpc_answers_as_tensorflow_does(served, signature):
    items = served.items(3)
    truth = served.truth(items)
    np.testing.assert_allclose(served.predict(items, signature), truth, atol=TOLERANCE)
    assert np.ptp(truth, axis=0).max() > 10 * TOLERANCE, "one answer for all items shows nothing"


def test_metadata_and_status_are_read_by_the_published_messages(served):
    with grpc.insecure_channel(f"127.0.0.1:{served.server.grpc_port}") as channel:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = served.name
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).GetModelMetadata(
            request, timeout=10)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert answer.metadata["signature_def"].Unpack(signatures)
        signature = signatures.signature_def["serving_default"]
        assert list(signature.inputs) == [served.input]
        assert list(signature.outputs) == [served.output]
        status = get_model_status_pb2.GetModelStatusRequest()
        status.model_spec.name = served.name
        versions = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(
            status, timeout=10).model_version_status
    assert [(one.version, one.state) for one in versions] == [
        (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)]


def test_photos_are_prepared_as_keras_does_it(tmp_path, photo, built):  # noqa: F811
    """`pack --preset keras-caffe` of a SavedModel, and the photo by every REST face."""
    keras.utils.set_random_seed(11)
    model = resnet50()
    model.export(tmp_path / "export", verbose=False)
    repository = tmp_path / "models"
    subprocess.run([BIN / "holdfast", "pack", tmp_path / "export/saved_model.pb", "--name", "resnet50",
                    "--model-repository", repository, "--preset", "keras-caffe"],
                   check=True, capture_output=True)
    picture = Image.open(io.BytesIO(photo)).convert("RGB").resize((224, 224), Image.BILINEAR)
    pixels = keras.applications.resnet50.preprocess_input(np.array(picture, np.float32))
    truth = model(pixels[None], training=False).numpy()[0]
    best = np.argsort(-truth)[:TOP].tolist()
    with Server(tmp_path, "--workers", "1", models=repository) as server:
        def post(path, **keywords):
            answer = requests.post(f"http://127.0.0.1:{server.port}{path}", timeout=60, **keywords)
            assert answer.status_code == 200, answer.text
            return answer.json()
        raw = {one["index"]: one["probability"]
               for one in post("/classify", data=photo)["predictions"]}
        assert list(raw) == best
        for index, probability in raw.items():
            assert probability == pytest.approx(truth[index], abs=TOLERANCE)
        b64 = base64.b64encode(photo).decode()
        (row,) = post("/v1/models/resnet50:predict",
                      json={"instances": [{"b64": b64}]})["predictions"]
        np.testing.assert_allclose(row, truth, atol=TOLERANCE)
        invocation = post("/invocations", data=photo, headers={"content-type": "image/jpeg"})
        infer = post("/v2/models/resnet50/infer", json={"inputs": [
            {"name": "image", "shape": [1], "datatype": "BYTES", "data": [b64]}]})["outputs"][0]["data"]
        torch = post("/predictions/resnet50", data=photo)
    for index, probability in raw.items():
        assert row[index] == pytest.approx(probability, abs=1e-6)
        assert infer[index] == pytest.approx(probability, abs=1e-6)
        assert torch[str(index)] == pytest.approx(probability, abs=1e-6)
    assert {one["index"]: one["probability"] for one in invocation["predictions"]} == raw


def test_the_published_client_sends_photos(server, photo):
    """Encoded pictures, by the client's own messages, to the demo model."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.inputs["image"].CopyFrom(tf.make_tensor_proto([photo, photo]))
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name = MODEL
    example = classify.input.example_list.examples.add()
    example.features.feature["image"].bytes_list.value.append(photo)
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        (logits,) = (tf.make_ndarray(one)
                     for one in stub.Predict(request, timeout=30).outputs.values())
        classes = stub.Classify(classify, timeout=30).result.classifications[0].classes
    raw = requests.post(f"http://127.0.0.1:{server.port}/classify", data=photo, timeout=30).json()
    powers = np.exp(logits[0] - logits[0].max())
    best = np.argsort(-powers)[:TOP]
    assert [one["index"] for one in raw["predictions"][:TOP]] == best.tolist()
    for one, position in zip(raw["predictions"], best, strict=False):
        assert abs(one["probability"] - powers[position] / powers.sum()) < 1e-6
    for one, expected in zip(classes, raw["predictions"], strict=False):
        assert one.label == expected["label"]
        assert abs(one.score - expected["probability"]) < 1e-6
    b64 = base64.b64encode(photo).decode()
    rows = requests.post(f"http://127.0.0.1:{server.port}/v1/models/{MODEL}:predict", timeout=30,
                         data=json.dumps({"instances": [{"b64": b64}]})).json()
    np.testing.assert_allclose(rows["predictions"][0], logits[0], atol=1e-6)


def test_the_published_client_reloads_a_list(served):
    """HandleReloadConfigRequest is refused on a public port unless models may be ordered there."""
    request = model_management_pb2.ReloadConfigRequest()
    one = request.config.model_config_list.config.add()
    one.name, one.base_path, one.model_platform = served.name, str(served.base_path), "tensorflow"
    with grpc.insecure_channel(f"127.0.0.1:{served.server.grpc_port}") as channel, \
            pytest.raises(grpc.RpcError) as refused:
        model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request,
                                                                                  timeout=10)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("name", ["encoded", "encoded-v1"])
def test_files_are_sent_to_models_that_decode_them(tmp_path, built, name):  # noqa: F811
    """As TensorFlow 2 and TensorFlow 1 export such models; the latter's loops are of the old kind."""
    base_path = ROOT / "tests/data/openvino" / name
    loaded = tf.saved_model.load(base_path / "1").signatures["serving_default"]
    photos = [photo.read_bytes() for photo in sorted(PHOTOS.glob("*.jpg"))]
    truth = loaded(tf.constant(photos))["probabilities"].numpy()
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = "serving_default"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(photos, dtype=tf.string))
    with Server(tmp_path, "--model_name", name, "--model_base_path", base_path) as server, \
            grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(request, timeout=60)
        np.testing.assert_allclose(tf.make_ndarray(answer.outputs["probabilities"]), truth,
                                   atol=1e-5)
        metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        metadata.model_spec.name = name
        signatures = get_model_metadata_pb2.SignatureDefMap()
        stub.GetModelMetadata(metadata, timeout=60).metadata["signature_def"].Unpack(signatures)
        assert signatures.signature_def["serving_default"].inputs["image_bytes"].dtype == \
            tf.string.as_datatype_enum
