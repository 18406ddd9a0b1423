# SPDX-License-Identifier: Apache-2.0
"""Makes torchvision's ResNet50 as ONNX: from a checkpoint, an ONNX file, or random weights.

The checkpoint is torchvision's state dict (.pth). An .onnx file is checked and passed on. Random
weights are for tests and benchmarks: the same graph and the same work, but meaningless classes.
"""

import argparse
import pathlib
import sys

import numpy as np
import onnx

from tools.models import onnx_graph, random_weights
from tools.models.state_dict import StateDictError, read_state_dict

SIDE = 224
EPSILON = 1e-5
LAYERS = (3, 4, 6, 3)
WIDTH = 64
EXPANSION = 4
CLASSES = 1000
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
ONNX_BYTES_MAX = (1 << 31) - 1


def expected_shapes(layers=LAYERS, width=WIDTH, classes=CLASSES) -> dict[str, tuple[int, ...]]:
    """Every tensor that the network needs, by torchvision's names."""
    shapes: dict[str, tuple[int, ...]] = {}

    def add(conv: str, norm: str, wide: int, narrow: int, kernel: int) -> None:
        shapes[f"{conv}.weight"] = (wide, narrow, kernel, kernel)
        shapes.update({f"{norm}.{part}": (wide,) for part in NORM_PARTS})

    add("conv1", "bn1", width, 3, 7)
    channels = width
    for stage, blocks in enumerate(layers):
        inner = width << stage
        for block in range(blocks):
            prefix = f"layer{stage + 1}.{block}"
            add(f"{prefix}.conv1", f"{prefix}.bn1", inner, channels, 1)
            add(f"{prefix}.conv2", f"{prefix}.bn2", inner, inner, 3)
            add(f"{prefix}.conv3", f"{prefix}.bn3", inner * EXPANSION, inner, 1)
            if block == 0:
                name = f"{prefix}.downsample"
                add(f"{name}.0", f"{name}.1", inner * EXPANSION, channels, 1)
            channels = inner * EXPANSION
    shapes["fc.weight"] = (classes, channels)
    shapes["fc.bias"] = (classes,)
    return shapes


def require_fitting(weights: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]]) -> None:
    """Says everything that does not fit, at once."""
    given = {name for name in weights if not name.endswith(".num_batches_tracked")}
    problems = [f"missing: {name}" for name in sorted(shapes.keys() - given)]
    problems += [f"unexpected: {name}" for name in sorted(given - shapes.keys())]
    for name in sorted(shapes.keys() & given):
        if weights[name].shape != shapes[name]:
            problems.append(f"{name} has shape {weights[name].shape}, not {shapes[name]}")
        elif not np.isfinite(weights[name]).all():
            problems.append(f"{name} has values that are not finite")
    if problems:
        shown = "\n  ".join(problems[:12])
        more = f"\n  and {len(problems) - 12} more" if len(problems) > 12 else ""
        raise StateDictError(f"the tensors are not those of ResNet50:\n  {shown}{more}")


def build(weights: dict[str, np.ndarray], layers=LAYERS, side=SIDE) -> onnx.ModelProto:
    graph = onnx_graph.Graph()

    def conv(x: str, name: str, norm: str, stride: int = 1) -> str:
        weight = weights[f"{name}.weight"]
        parts = [weights[f"{norm}.{part}"] for part in NORM_PARTS]
        pads = [weight.shape[-1] // 2] * 4
        return graph.conv(x, name, *onnx_graph.folded(weight, *parts, EPSILON), stride=stride,
                          pads=pads)

    def relu(x: str) -> str:
        return graph.node("Relu", [x], f"{x}.relu")

    x = relu(conv(onnx_graph.INPUT, "conv1", "bn1", 2))
    x = graph.node("MaxPool", [x], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, blocks in enumerate(layers):
        for block in range(blocks):
            prefix = f"layer{stage + 1}.{block}"
            # Version 1.5 of the network: the 3×3 convolution strides, not the first 1×1.
            stride = 2 if block == 0 and stage > 0 else 1
            y = relu(conv(x, f"{prefix}.conv1", f"{prefix}.bn1"))
            y = relu(conv(y, f"{prefix}.conv2", f"{prefix}.bn2", stride))
            y = conv(y, f"{prefix}.conv3", f"{prefix}.bn3")
            if block == 0:
                x = conv(x, f"{prefix}.downsample.0", f"{prefix}.downsample.1", stride)
            x = relu(graph.node("Add", [y, x], f"{prefix}.sum"))
    graph.classifier(x, weights["fc.weight"], weights["fc.bias"])
    return graph.model("resnet50", side, len(weights["fc.bias"]))


def random_model(seed: int) -> onnx.ModelProto:
    weights = random_weights.initialised(expected_shapes(), seed)
    random_weights.spread_classes(weights, build(weights), SIDE, seed)
    return build(weights)


def checked_onnx(path: pathlib.Path) -> onnx.ModelProto:
    """An ONNX file's model if it is an image classifier that can stand in for ResNet50."""
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # Foreign bytes can make protobuf and the checker raise anything.
        raise StateDictError(f"not a valid ONNX model: {error}") from error
    constants = {weight.name for weight in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    outputs = list(model.graph.output)
    if len(inputs) != 1 or len(outputs) != 1:
        raise StateDictError(f"{len(inputs)} inputs and {len(outputs)} outputs; want one of each")
    for value, wanted in ((inputs[0], (3, SIDE, SIDE)), (outputs[0], (CLASSES,))):
        tensor = value.type.tensor_type
        shape = tuple(dimension.dim_value for dimension in tensor.shape.dim)
        if tensor.elem_type != onnx.TensorProto.FLOAT or shape[1:] != wanted or shape[0] not in (0, 1):
            expected = ", ".join(map(str, ("N", *wanted)))
            raise StateDictError(f"{value.name} has shape {list(shape)}; want float [{expected}]")
    if model.ByteSize() > ONNX_BYTES_MAX:
        raise StateDictError("more than 2 GiB, which one ONNX file cannot hold")
    return model


def make(arguments: argparse.Namespace) -> onnx.ModelProto:
    if arguments.random:
        return random_model(arguments.seed)
    if not arguments.weights.is_file():
        raise StateDictError("there is no such file; docs/models.md says how to get the weights")
    if arguments.weights.suffix == ".onnx":
        return checked_onnx(arguments.weights)
    weights = read_state_dict(arguments.weights)
    require_fitting(weights, expected_shapes())
    return build(weights)


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
    except StateDictError as error:
        print(f"ResNet50 from {arguments.weights or 'random weights'}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
