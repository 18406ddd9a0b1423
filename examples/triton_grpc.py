# SPDX-License-Identifier: Apache-2.0
"""triton_grpc.py PHOTO [HOST:PORT [MODEL]]: asks with Triton's own client, over gRPC.

tritonclient.http has the same calls, for the HTTP port.
"""

import pathlib
import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException


def main(photo, address="localhost:8500", model="efficientnet-lite0"):
    client = triton.InferenceServerClient(address)
    image = triton.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([pathlib.Path(photo).read_bytes()], dtype=np.object_))
    try:
        output = client.get_model_metadata(model).outputs[0].name
        classes = triton.InferRequestedOutput(output, class_count=5)
        answer = client.infer(model, [image], outputs=[classes], client_timeout=10)
    except InferenceServerException as refusal:
        sys.exit(f"{refusal.status()}: {refusal.message()}")
    for text in answer.as_numpy(output)[0]:
        probability, _, label = text.decode().split(":", 2)
        print(f"{float(probability):.3f} {label}")


main(*sys.argv[1:])
