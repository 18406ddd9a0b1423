# SPDX-License-Identifier: Apache-2.0
"""tensorflow_serving.py PHOTO [HOST:PORT [MODEL]]: asks as TensorFlow Serving's gRPC clients do.

With the package tensorflow-serving-api its messages do as well; these are made of api/*.proto when
the program starts, so that TensorFlow is not needed. The server shows them at /api/NAME.proto.
"""

import pathlib
import sys

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "api"))
messages, services = grpc.protos_and_services("tensorflow_serving.proto")


def main(photo, address="localhost:8500", model="efficientnet-lite0"):
    request = messages.ClassificationRequest()
    request.model_spec.name = model
    example = request.input.example_list.examples.add()
    example.features.feature["image"].bytes_list.value.append(pathlib.Path(photo).read_bytes())
    with grpc.insecure_channel(address) as channel:
        try:
            answer = services.PredictionServiceStub(channel).Classify(request, timeout=10)
        except grpc.RpcError as refusal:
            reason = dict(refusal.trailing_metadata()).get("x-holdfast-reason", "")
            sys.exit(f"{refusal.code().name} {reason}: {refusal.details()}")
    for one in answer.result.classifications[0].classes[:5]:
        print(f"{one.score:.3f} {one.label}")


main(*sys.argv[1:])
