# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Serving's gRPC API, by its published messages."""

import grpc
import numpy as np
import pytest

from tests.contract.conftest import MODEL
from tests.process.running_server import Server, kill

INPUT, OUTPUT = "input", "logits"


def predict_request(serving, name=INPUT, signature="", model=MODEL):
    request = serving.messages.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    return request, request.inputs[name]


def shape(tensor, *sizes):
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)


def fill_image(tensor, *pictures):
    tensor.dtype = 7  # DT_STRING
    shape(tensor, len(pictures))
    tensor.string_val.extend(pictures)


def scores(response):
    return np.array(response.outputs[OUTPUT].float_val).reshape(
        [dim.size for dim in response.outputs[OUTPUT].tensor_shape.dim])


def test_predict_takes_tensors_in_both_encodings(channel, serving):
    stub = serving.prediction(channel)
    items = np.random.default_rng(1).random((2, 3, 224, 224), dtype=np.float32)
    request, tensor = predict_request(serving)
    tensor.dtype = 1  # DT_FLOAT
    shape(tensor, 2, 3, 224, 224)
    tensor.tensor_content = items.tobytes()
    content = scores(stub.Predict(request, timeout=10))
    assert content.shape == (2, 1000)
    tensor.tensor_content = b""
    tensor.float_val.extend(items.ravel().tolist())
    np.testing.assert_allclose(scores(stub.Predict(request, timeout=10)), content, atol=1e-5)
    # The last value stands for all that are left out.
    del tensor.float_val[1:]
    constant = scores(stub.Predict(request, timeout=10))
    np.testing.assert_allclose(constant[0], constant[1], atol=1e-5)


@pytest.mark.parametrize("name, signature", [("image", ""), ("image", "serving_bytes"),
                                             (INPUT, "serving_default")])
def test_predict_takes_encoded_pictures(channel, serving, photo, name, signature):
    request, tensor = predict_request(serving, name, signature)
    fill_image(tensor, photo, photo)
    answer = serving.prediction(channel).Predict(request, timeout=10)
    assert answer.model_spec.version.value == 1
    assert scores(answer).argmax(axis=1).tolist() == [282, 282]


def test_classify_names_classes(channel, serving, photo):
    request = serving.messages.ClassificationRequest()
    request.model_spec.name = MODEL
    example = request.input.example_list.examples.add()
    example.features.feature["image"].bytes_list.value.append(photo)
    answer = serving.prediction(channel).Classify(request, timeout=10)
    classes = answer.result.classifications[0].classes
    assert classes[0].label == "tiger cat" and len(classes) == 1000
    assert abs(sum(one.score for one in classes) - 1) < 1e-3


def test_metadata_and_status(channel, serving):
    request = serving.messages.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = MODEL
    answer = serving.prediction(channel).GetModelMetadata(request, timeout=5)
    signatures = serving.messages.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    default = signatures.signature_def["serving_default"]
    assert [dim.size for dim in default.inputs[INPUT].tensor_shape.dim] == [-1, 3, 224, 224]
    status = serving.messages.GetModelStatusRequest()
    status.model_spec.name = MODEL
    versions = serving.model(channel).GetModelStatus(status, timeout=5).model_version_status
    assert [(one.version, one.state, one.status.error_code) for one in versions] == [(1, 30, 0)]


def refused(call, request, timeout=5):
    with pytest.raises(grpc.RpcError) as refusal:
        call(request, timeout=timeout)
    return refusal.value.code().name, refusal.value.details(), dict(refusal.value.trailing_metadata())


def test_refusals_have_the_codes_of_tensorflow_serving(channel, serving, photo):
    stub = serving.prediction(channel)

    def image(name="image", signature="", model=MODEL, picture=photo):
        request, tensor = predict_request(serving, name, signature, model)
        fill_image(tensor, picture)
        return request
    assert refused(stub.Predict, image(model="nobody"))[0] == "NOT_FOUND"
    version = image()
    version.model_spec.version.value = 7
    assert refused(stub.Predict, version)[0] == "NOT_FOUND"
    label = image()
    label.model_spec.version_label = "stable"
    assert refused(stub.Predict, label)[0] == "INVALID_ARGUMENT"
    assert refused(stub.Predict, image(signature="foo"))[0] == "FAILED_PRECONDITION"
    assert refused(stub.Predict, image(name="foo"))[0] == "INVALID_ARGUMENT"
    code, words, metadata = refused(stub.Predict, image(picture=b"hello"))
    assert code == "INVALID_ARGUMENT" and "not an image" in words
    assert metadata["x-holdfast-reason"] == "UNSUPPORTED_MEDIA"
    empty, tensor = predict_request(serving)
    tensor.dtype = 1
    shape(tensor, 1, 3, 224, 224)
    assert refused(stub.Predict, empty)[0] == "INVALID_ARGUMENT"
    assert refused(stub.MultiInference, serving.messages.MultiInferenceRequest())[0] == "UNIMPLEMENTED"
    assert refused(stub.Regress, serving.messages.RegressionRequest())[0] == "INVALID_ARGUMENT"
    assert refused(stub.GetModelMetadata, serving.messages.GetModelMetadataRequest())[0] == \
        "INVALID_ARGUMENT"
    # Too little time is told at once, and not waited for.
    assert refused(stub.Predict, image(), timeout=0.001)[0] == "DEADLINE_EXCEEDED"
    assert stub.Predict(image(), timeout=10).model_spec.name == MODEL


def test_metadata_carries_request_ids_and_attempts(channel, serving, photo):
    request, tensor = predict_request(serving, "image")
    fill_image(tensor, photo)
    _, call = serving.prediction(channel).Predict.with_call(
        request, timeout=10, metadata=[("x-request-id", "mine")])
    assert dict(call.initial_metadata())["x-request-id"] == "mine"
    assert dict(call.trailing_metadata())["x-holdfast-attempts"] == "1"


# --- Configuration and labels ---

def reload_request(serving, models):
    """models: (name, folder, versions, labels) each."""
    request = serving.messages.ReloadConfigRequest()
    for name, folder, versions, labels in models:
        config = request.config.model_config_list.config.add(
            name=name, base_path=str(folder), model_platform="tensorflow")
        config.model_version_policy.specific.versions.extend(versions)
        for label, version in labels.items():
            config.version_labels[label] = version
    return request


def asked_version(serving, stub, name, label):
    request = serving.messages.GetModelStatusRequest()
    request.model_spec.name = name
    request.model_spec.version_label = label
    status, = stub.GetModelStatus(request, timeout=10).model_version_status
    assert status.state == 30  # AVAILABLE
    return status.version


def test_a_reload_serves_what_the_call_lists(tmp_path, serving, fake_model):
    for number in (1, 2):
        folder = fake_model(version=number, busy="false")
    cats = fake_model(name="cats", busy="false")
    with Server(tmp_path, "--workers", "1", "--model-control", "public", models=folder) as one:
        with grpc.insecure_channel(f"127.0.0.1:{one.grpc_port}") as line:
            stub = serving.model(line)
            stub.HandleReloadConfigRequest(reload_request(
                serving, [("fake", folder / "fake", [1, 2], {"stable": 1, "canary": 2}),
                          ("cats", cats / "cats", [1], {})]), timeout=60)
            assert asked_version(serving, stub, "fake", "stable") == 1
            assert asked_version(serving, stub, "fake", "canary") == 2
            stub.HandleReloadConfigRequest(reload_request(
                serving, [("fake", folder / "fake", [1, 2], {"stable": 2})]), timeout=60)
            assert asked_version(serving, stub, "fake", "stable") == 2
            assert one.get("/v1/models/cats")[0] == 404
            # Its successor knows the call, not only the folder of the start.
            kill(one.gateway())
            one.await_ready()
            assert one.get("/v1/models/fake/labels/stable")[0] == 200
            wrong = reload_request(serving, [("fake", folder / "fake", [7], {})])
            code, words, _ = refused(stub.HandleReloadConfigRequest, wrong)
            assert code == "NOT_FOUND" and "fake" in words
            empty = serving.messages.ReloadConfigRequest()
            code, words, _ = refused(stub.HandleReloadConfigRequest, empty)
            assert code == "INVALID_ARGUMENT" and "model_config_list" in words


def test_only_operators_reload(serving, channel):
    code, words, _ = refused(serving.model(channel).HandleReloadConfigRequest,
                             reload_request(serving, [("m", "/models/m", [1], {})]))
    assert code == "PERMISSION_DENIED" and "--model-control=public" in words
