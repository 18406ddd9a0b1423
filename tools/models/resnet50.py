# SPDX-License-Identifier: Apache-2.0
"""Makes torchvision's ResNet50 as ONNX: from a checkpoint, an ONNX file, or random weights.

The checkpoint is torchvision's state dict (.pth). An .onnx file is checked and passed on. Random
weights are for tests and benchmarks: the same graph and the same work, but meaningless classes.
"""

import argparse
import pathlib
import sys

import onnx

from holdfast_tools import classifier_file, onnx_graph, resnet
from holdfast_tools.errors import ToolsError
from holdfast_tools.state_dict import read_state_dict
from tools.models import random_weights

RESNET50 = resnet.ARCHITECTURES["resnet50"]
CLASSES = 1000


def random_model(seed: int) -> onnx.ModelProto:
    weights = random_weights.initialised(resnet.expected_shapes(RESNET50, CLASSES), seed)
    random_weights.spread_classes(weights, resnet.build(weights, RESNET50), resnet.SIDE, seed)
    return resnet.build(weights, RESNET50)


def checked_onnx(path: pathlib.Path) -> onnx.ModelProto:
    """An ONNX file's model if it can stand in for ResNet50."""
    model = classifier_file.load(path)
    wanted = ((3, resnet.SIDE, resnet.SIDE), (CLASSES,))
    for port, shape in zip(classifier_file.ports(model), wanted):
        if port.shape[1:] != shape:
            raise ToolsError(f"{port.described()}; want float [{', '.join(map(str, ('N', *shape)))}]")
    return model


def make(arguments: argparse.Namespace) -> onnx.ModelProto:
    if arguments.random:
        return random_model(arguments.seed)
    if not arguments.weights.is_file():
        raise ToolsError("there is no such file; docs/models.md says how to get the weights")
    if arguments.weights.suffix == ".onnx":
        return checked_onnx(arguments.weights)
    weights = read_state_dict(arguments.weights)
    resnet.require_fitting(weights, resnet.expected_shapes(RESNET50, CLASSES), "ResNet50")
    return resnet.build(weights, RESNET50)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--weights", type=pathlib.Path, help="a .pth state dict or an .onnx file")
    source.add_argument("--random", action="store_true", help="seeded random weights")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    try:
        onnx_graph.write(make(arguments), arguments.output)
    except ToolsError as error:
        print(f"ResNet50 from {arguments.weights or 'random weights'}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
