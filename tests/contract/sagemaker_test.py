# SPDX-License-Identifier: Apache-2.0
"""boto3's sagemaker-runtime against the server, through what the platform does in between.

The SageMaker Python SDK is left out: `sagemaker` 3 brings 132 packages, mlflow, pyarrow and scipy
among them, for a Predictor that ends in the same boto3 call.
"""

import io
import json

import boto3
import botocore.config
import botocore.exceptions
import numpy as np
import pytest

from tests.contract.sagemaker_shim import BODY_BYTES_MAX, Endpoint, batch_transform
from tests.process.running_server import PHOTOS


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
