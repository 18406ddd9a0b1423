# SPDX-License-Identifier: Apache-2.0
"""boto3's sagemaker-runtime against the server, through what the platform does in between.

The SageMaker Python SDK, whose Predictor ends in the same boto3 call, is asked by
tests/clients/sagemaker_test.py: it brings 60 packages.
"""

import io
import json

import boto3
import botocore.config
import botocore.exceptions
import numpy as np
import pytest

from tests.contract.sagemaker_shim import BODY_BYTES_MAX, Archives, Endpoint, batch_transform
from tests.process.gray import gray
from tests.process.running_server import PHOTOS, TINY, Server


@pytest.fixture
def endpoint(server):
    with Endpoint(server.port) as one:
        yield one


@pytest.fixture
def runtime(endpoint):
    return client_of(endpoint)


def client_of(endpoint):
    return boto3.client("sagemaker-runtime", endpoint_url=endpoint.url, region_name="eu-west-1",
                        aws_access_key_id="x", aws_secret_access_key="x",
                        config=botocore.config.Config(retries={"total_max_attempts": 1}))


def invoke(runtime, body, **keywords):
    return runtime.invoke_endpoint(EndpointName="photos", Body=body, **keywords)


def refused(runtime, body, **keywords):
    with pytest.raises(runtime.exceptions.ModelError) as refusal:
        invoke(runtime, body, **keywords)
    answer = refusal.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    return answer["OriginalStatusCode"], json.loads(answer["OriginalMessage"])


@pytest.mark.parametrize("content_type", ["application/x-image", "image/jpeg",
                                          "application/octet-stream", None])
def test_a_photo_is_classified(runtime, photo, content_type):
    keywords = {"ContentType": content_type} if content_type else {}
    answer = invoke(runtime, photo, **keywords)
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert json.load(answer["Body"])["predictions"][0]["label"] == "tiger cat"


@pytest.mark.parametrize("accept, begin", [("text/csv", b"tiger cat,282,0."),
                                           ("application/jsonlines", b'{"model":"efficientnet'),
                                           ("application/json", b'{"model":"efficientnet')])
def test_the_answer_has_the_type_that_is_accepted(runtime, photo, accept, begin):
    answer = invoke(runtime, photo, ContentType="image/jpeg", Accept=accept)
    assert answer["ContentType"] == accept and answer["Body"].read().startswith(begin)


def test_tensors_are_predicted_as_json_and_as_npy(runtime):
    items = np.random.default_rng(1).random((2, 3, 224, 224), dtype=np.float32)
    text = json.dumps({"instances": items.tolist()}).encode()
    rows = json.load(invoke(runtime, text, ContentType="application/json")["Body"])["predictions"]
    array = io.BytesIO()
    np.save(array, items)
    answer = invoke(runtime, array.getvalue(), ContentType="application/x-npy", Accept="text/csv")
    scores = np.loadtxt(io.BytesIO(answer["Body"].read()), delimiter=",")
    np.testing.assert_allclose(scores, rows, atol=1e-5)


def test_what_the_platform_adds_is_taken(runtime, photo):
    answer = invoke(runtime, photo, ContentType="application/x-image", CustomAttributes="trace=7",
                    InferenceId="mine", SessionId="NEW_SESSION", TargetVariant="AllTraffic")
    assert "tiger cat" in answer["Body"].read().decode()


@pytest.mark.parametrize("body, content_type, status, reason", [
    (b"hello", "application/x-image", 415, "UNSUPPORTED_MEDIA"),
    (b"{", "application/json", 400, "BAD_REQUEST"),
    (b"hello", "application/x-npy", 400, "BAD_REQUEST"),
    ((PHOTOS / "chelsea.jpg").read_bytes()[:2000], "image/jpeg", 422, "IMAGE_DECODE_FAILED"),
    (bytes(17 << 20), "application/octet-stream", 413, "PAYLOAD_TOO_LARGE"),
])
def test_a_refusal_is_a_model_error_with_the_reason_inside(runtime, body, content_type, status,
                                                           reason):
    original, error = refused(runtime, body, ContentType=content_type)
    assert (original, error["code"], error["reason"]) == (status, status, reason)
    assert error["retryable"] is False and error["request_id"]


def test_an_accept_that_nobody_can_meet_is_a_model_error(runtime, photo):
    assert refused(runtime, photo, Accept="image/gif")[0] == 406


def test_what_the_platform_refuses_never_reaches_the_server(runtime, server, photo):
    def asked():
        return server.metric("holdfast_responses_total", endpoint="/invocations")

    invoke(runtime, photo)
    before = asked()
    assert before > 0
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        invoke(runtime, bytes(BODY_BYTES_MAX + 1))
    assert refusal.value.response["Error"]["Code"] == "ValidationError"
    assert asked() == before


def test_a_batch_transform_gets_an_answer_for_each_record_in_order(server):
    photos = sorted(PHOTOS.glob("*.jpg"))
    answers = batch_transform(server.port, [photo.read_bytes() for photo in photos] * 5,
                              "application/x-image")
    assert {status for status, _ in answers} == {200}
    labels = [json.loads(text)["predictions"][0]["label"] for _, text in answers]
    assert labels == labels[:len(photos)] * 5
    assert labels[photos.index(PHOTOS / "chelsea.jpg")] == "tiger cat"


# --- Several models behind one endpoint ---

@pytest.fixture
def archives(tmp_path, fake_model):
    """A container without a model, and a bucket with three archives of two kinds."""
    bucket, root = tmp_path / "bucket", tmp_path / "models"
    (bucket / "team").mkdir(parents=True)
    for number, name in enumerate(("cats.tar.gz", "dogs.tar.gz")):
        (fake_model(name="one", golden=number, busy="false") / "one/1").rename(bucket / name)
    (bucket / "team/tiny.tar.gz").symlink_to(TINY / "tiny")
    root.mkdir()
    with Server(tmp_path, "--workers", "1", "--multi-model-root", root,
                environment={"SAGEMAKER_MULTI_MODEL": "true"}) as container:
        yield container, Archives(container.port, bucket, root)


def test_the_model_that_a_client_names_is_loaded_and_asked(archives):
    container, loaded = archives
    with Endpoint(container.port, archives=loaded) as endpoint:
        runtime = client_of(endpoint)
        for archive in ("cats.tar.gz", "dogs.tar.gz", "team/tiny.tar.gz", "cats.tar.gz"):
            answer = invoke(runtime, gray(5), ContentType="application/x-image",
                            TargetModel=archive)
            assert json.load(answer["Body"])["model"] == loaded.loaded[archive]
        listed = json.loads(container.get("/models")[2])["models"]
        assert {model["modelName"] for model in listed} == set(loaded.loaded.values())
        with pytest.raises(botocore.exceptions.ClientError):
            invoke(runtime, gray(5), TargetModel="mice.tar.gz")
    container.check_quiet()


def test_a_model_without_room_makes_another_one_leave(archives, monkeypatch):
    """The platform's side of 507; tests/process/multi_model_test.py shows the server's."""
    from tests.contract import sagemaker_shim
    container, loaded = archives
    real, full = sagemaker_shim.exchange, []

    def exchange_in_a_full_container(port, method, path, body=None, headers=None):
        if (method, path) == ("POST", "/models") and len(loaded.loaded) == 1 and not full:
            full.append(path)
            return 507, b"{}"
        return real(port, method, path, body, headers)
    monkeypatch.setattr(sagemaker_shim, "exchange", exchange_in_a_full_container)
    with Endpoint(container.port, archives=loaded) as endpoint:
        runtime = client_of(endpoint)
        invoke(runtime, gray(5), TargetModel="cats.tar.gz")
        invoke(runtime, gray(5), TargetModel="dogs.tar.gz")
        assert list(loaded.loaded) == ["dogs.tar.gz"] and full
        invoke(runtime, gray(5), TargetModel="cats.tar.gz")
