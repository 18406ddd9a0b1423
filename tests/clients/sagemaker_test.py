# SPDX-License-Identifier: Apache-2.0
"""The SageMaker Python SDK's predictors against the server, through what the platform does in between."""

import boto3
import numpy as np
import pytest
import sagemaker
from botocore.exceptions import ClientError
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import DataSerializer, JSONSerializer, NumpySerializer

from tests.clients.conftest import MODEL
from tests.contract.sagemaker_shim import Archives, Endpoint
from tests.process.running_server import MODELS, TINY, Server


def predictor(endpoint, serializer, deserializer=None):
    keys = {"region_name": "eu-west-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    session = sagemaker.Session(
        boto_session=boto3.Session(**keys),
        sagemaker_runtime_client=boto3.client("sagemaker-runtime", endpoint_url=endpoint.url, **keys))
    return Predictor(endpoint.name, sagemaker_session=session, serializer=serializer,
                     deserializer=deserializer or JSONDeserializer())


@pytest.fixture
def endpoint(server):
    with Endpoint(server.port) as one:
        yield one


def test_a_photo_is_classified(endpoint, photo):
    answer = predictor(endpoint, DataSerializer(content_type="image/jpeg")).predict(photo)
    assert answer["model"] == MODEL and answer["predictions"][0]["label"] == "tiger cat"
    rows = predictor(endpoint, DataSerializer(content_type="application/x-image"),
                     CSVDeserializer()).predict(photo)
    assert rows[0][:2] == ["tiger cat", "282"]


def test_tensors_are_predicted_as_json_and_as_npy(endpoint):
    items = np.random.default_rng(1).random((2, 3, 224, 224), dtype=np.float32)
    by_json = predictor(endpoint, JSONSerializer()).predict({"instances": items.tolist()})
    by_npy = predictor(endpoint, NumpySerializer(dtype="float32")).predict(items)
    np.testing.assert_allclose(by_json["predictions"], by_npy["predictions"], atol=1e-5)


def test_a_refusal_reaches_the_caller_with_its_reason(endpoint):
    with pytest.raises(ClientError, match=r"server error \(415\)"):
        predictor(endpoint, DataSerializer(content_type="image/jpeg")).predict(b"no image")


def test_one_of_several_models_is_named_by_its_archive(tmp_path, built, photo):  # noqa: F811
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    (bucket / "lite0.tar.gz").symlink_to(MODELS / MODEL)
    (bucket / "tiny.tar.gz").symlink_to(TINY / "tiny")
    (tmp_path / "models").mkdir()
    with Server(tmp_path, "--workers", "1", "--multi-model-root", tmp_path / "models",
                environment={"SAGEMAKER_MULTI_MODEL": "true"}) as container:
        archives = Archives(container.port, bucket, tmp_path / "models")
        with Endpoint(container.port, archives=archives) as endpoint:
            ask = predictor(endpoint, DataSerializer(content_type="image/jpeg")).predict
            for archive in ("lite0.tar.gz", "tiny.tar.gz", "lite0.tar.gz"):
                answer = ask(photo, target_model=archive)
                assert answer["model"] == archives.loaded[archive]
            assert answer["predictions"][0]["label"] == "tiger cat"
