# SPDX-License-Identifier: Apache-2.0
"""Inference over gRPC, with messages made from the server's own api/inference.proto."""

import struct
import sys

import grpc

from tests.process.running_server import PROMPT, ROOT

sys.path.append(str(ROOT / "api"))  # Where grpc looks for .proto files.
messages, services = grpc.protos_and_services("inference.proto")


def image_request(image, model):
    request = messages.ModelInferRequest(model_name=model)
    request.inputs.add(name="image", datatype="BYTES", shape=[1])
    request.raw_input_contents.append(struct.pack("<I", len(image)) + image)
    return request


def infer_over_grpc(channel, image, model="tiny", timeout=PROMPT, metadata=None):
    """The server's answer to an encoded image."""
    return services.GRPCInferenceServiceStub(channel).ModelInfer(
        image_request(image, model), timeout=timeout, metadata=metadata)
