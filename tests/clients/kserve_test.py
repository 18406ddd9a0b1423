# SPDX-License-Identifier: Apache-2.0
"""KServe's own REST client."""

import asyncio
import base64

import kserve
import numpy as np
import pytest

from tests.clients.conftest import MODEL


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.port}"


def client(protocol):
    return kserve.InferenceRESTClient(kserve.RESTConfig(protocol=protocol))


def best(answer):
    return int(np.argmax(answer.outputs[0].as_numpy()))


def test_it_sees_that_the_server_is_ready(url):
    async def ask(v2):
        return [await v2.is_server_live(url), await v2.is_server_ready(url),
                await v2.is_model_ready(url, MODEL)]
    assert asyncio.run(ask(client("v2"))) == [True, True, True]


@pytest.mark.parametrize("binary", [True, False])
def test_it_sends_tensors(url, binary):
    tensor = kserve.InferInput("input", [1, 3, 224, 224], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 3, 224, 224), np.float32), binary_data=binary)
    request = kserve.InferRequest(MODEL, infer_inputs=[tensor])
    answer = asyncio.run(client("v2").infer(url, request, model_name=MODEL))
    assert answer.outputs[0].name == "logits" and list(answer.outputs[0].shape) == [1, 1000]


def test_it_sends_pictures_in_both_versions_of_the_protocol(url, photo):
    image = kserve.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([photo], dtype=object), binary_data=True)
    request = kserve.InferRequest(MODEL, infer_inputs=[image])
    assert best(asyncio.run(client("v2").infer(url, request, model_name=MODEL))) == 282
    rows = {"instances": [{"b64": base64.b64encode(photo).decode()}]}
    answer = asyncio.run(client("v1").infer(url, rows, model_name=MODEL))
    assert int(np.argmax(answer["predictions"][0])) == 282


def test_it_shows_why_it_was_refused(url, photo):
    image = kserve.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([photo], dtype=object), binary_data=True)
    with pytest.raises(Exception, match="there is no model"):
        asyncio.run(client("v2").infer(url, kserve.InferRequest("nobody", infer_inputs=[image]),
                                       model_name="nobody"))
