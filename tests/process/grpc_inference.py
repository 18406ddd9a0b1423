# SPDX-License-Identifier: Apache-2.0
"""Inference over gRPC, with tritonclient's messages: two modules with the names of one package do
not live in one process, and the contract tests have these."""

import struct

from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc as services

from tests.process.running_server import PROMPT


def image_request(image, model):
    request = messages.ModelInferRequest(model_name=model)
    request.inputs.add(name="image", datatype="BYTES", shape=[1])
    request.raw_input_contents.append(struct.pack("<I", len(image)) + image)
    return request


def infer_over_grpc(channel, image, model="tiny", timeout=PROMPT, metadata=None):
    """The server's answer to an encoded image."""
    return services.GRPCInferenceServiceStub(channel).ModelInfer(
        image_request(image, model), timeout=timeout, metadata=metadata)
