# SPDX-License-Identifier: Apache-2.0
"""torchvision's ResNets as ONNX, from the tensors of a state dict."""

import dataclasses

import numpy as np
import onnx

from holdfast_tools import onnx_graph
from holdfast_tools.state_dict import StateDictError

SIDE = 224
EPSILON = 1e-5
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
PROBLEMS_SHOWN = 12

Weights = dict[str, np.ndarray]
Shapes = dict[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Architecture:
    name: str
    layers: tuple[int, ...]
    bottleneck: bool  # 1×1, 3×3, 1×1 with four times the channels; or two 3×3.
    width: int = 64

    @property
    def expansion(self) -> int:
        return 4 if self.bottleneck else 1

    def needs_downsample(self, stage: int, block: int) -> bool:
        return block == 0 and (stage > 0 or self.bottleneck)


ARCHITECTURES = {
    architecture.name: architecture for architecture in (
        Architecture("resnet18", (2, 2, 2, 2), bottleneck=False),
        Architecture("resnet34", (3, 4, 6, 3), bottleneck=False),
        Architecture("resnet50", (3, 4, 6, 3), bottleneck=True),
        Architecture("resnet101", (3, 4, 23, 3), bottleneck=True),
        Architecture("resnet152", (3, 8, 36, 3), bottleneck=True),
    )
}


def expected_shapes(architecture: Architecture, classes: int = 1000) -> Shapes:
    """Every tensor that the network needs, by torchvision's names."""
    shapes: Shapes = {}

    def add(conv: str, norm: str, wide: int, narrow: int, kernel: int) -> None:
        shapes[f"{conv}.weight"] = (wide, narrow, kernel, kernel)
        shapes.update({f"{norm}.{part}": (wide,) for part in NORM_PARTS})

    add("conv1", "bn1", architecture.width, 3, 7)
    channels = architecture.width
    for stage, blocks in enumerate(architecture.layers):
        inner = architecture.width << stage
        outer = inner * architecture.expansion
        for block in range(blocks):
            prefix = f"layer{stage + 1}.{block}"
            first, second = (1, 3) if architecture.bottleneck else (3, 3)
            add(f"{prefix}.conv1", f"{prefix}.bn1", inner, channels, first)
            add(f"{prefix}.conv2", f"{prefix}.bn2", inner, inner, second)
            if architecture.bottleneck:
                add(f"{prefix}.conv3", f"{prefix}.bn3", outer, inner, 1)
            if architecture.needs_downsample(stage, block):
                add(f"{prefix}.downsample.0", f"{prefix}.downsample.1", outer, channels, 1)
            channels = outer
    shapes["fc.weight"] = (classes, channels)
    shapes["fc.bias"] = (classes,)
    return shapes


def recognised(weights: Weights) -> Architecture:
    """The architecture whose blocks the tensors' names count."""
    layers = tuple(
        sum(f"layer{stage}.{block}.conv1.weight" in weights for block in range(len(weights)))
        for stage in range(1, 5))
    bottleneck = "layer1.0.conv3.weight" in weights
    for architecture in ARCHITECTURES.values():
        if (architecture.layers, architecture.bottleneck) == (layers, bottleneck):
            return architecture
    raise StateDictError(
        f"the tensors are not those of {', '.join(ARCHITECTURES)} of torchvision; "
        "export the model as ONNX where it was trained, and import that")


def require_fitting(weights: Weights, shapes: Shapes, name: str) -> None:
    """Says everything that does not fit, at once."""
    given = {tensor for tensor in weights if not tensor.endswith(".num_batches_tracked")}
    problems = [f"missing: {tensor}" for tensor in sorted(shapes.keys() - given)]
    problems += [f"unexpected: {tensor}" for tensor in sorted(given - shapes.keys())]
    for tensor in sorted(shapes.keys() & given):
        if weights[tensor].shape != shapes[tensor]:
            problems.append(f"{tensor} has shape {weights[tensor].shape}, not {shapes[tensor]}")
        elif not np.isfinite(weights[tensor]).all():
            problems.append(f"{tensor} has values that are not finite")
    if problems:
        shown = "\n  ".join(problems[:PROBLEMS_SHOWN])
        left = len(problems) - PROBLEMS_SHOWN
        more = f"\n  and {left} more" if left > 0 else ""
        raise StateDictError(f"the tensors are not those of {name}:\n  {shown}{more}")


def build(weights: Weights, architecture: Architecture, side: int = SIDE,
          folded: bool = True) -> onnx.ModelProto:
    """`folded=False` keeps the normalisations as the checkpoint has them: what to verify against."""
    graph = onnx_graph.Graph()

    def conv(x: str, name: str, norm: str, stride: int = 1) -> str:
        weight = weights[f"{name}.weight"]
        scale, bias, mean, variance = parts = [weights[f"{norm}.{part}"] for part in NORM_PARTS]
        pads = [weight.shape[-1] // 2] * 4
        if folded:
            whole = onnx_graph.folded(weight, scale, bias, mean, variance, EPSILON)
            return graph.conv(x, name, *whole, stride=stride, pads=pads)
        x = graph.conv(x, name, weight, np.zeros(len(weight)), stride=stride, pads=pads)
        inputs = [graph.constant(f"{norm}.{part}", array) for part, array in zip(NORM_PARTS, parts)]
        return graph.node("BatchNormalization", [x, *inputs], norm, epsilon=EPSILON)

    def relu(x: str) -> str:
        return graph.node("Relu", [x], f"{x}.relu")

    x = relu(conv(onnx_graph.INPUT, "conv1", "bn1", 2))
    x = graph.node("MaxPool", [x], "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, blocks in enumerate(architecture.layers):
        for block in range(blocks):
            prefix = f"layer{stage + 1}.{block}"
            stride = 2 if block == 0 and stage > 0 else 1
            # Version 1.5 of the network: the 3×3 convolution strides, not the first 1×1.
            strides = (1, stride) if architecture.bottleneck else (stride, 1)
            y = relu(conv(x, f"{prefix}.conv1", f"{prefix}.bn1", strides[0]))
            y = conv(y, f"{prefix}.conv2", f"{prefix}.bn2", strides[1])
            if architecture.bottleneck:
                y = conv(relu(y), f"{prefix}.conv3", f"{prefix}.bn3")
            if architecture.needs_downsample(stage, block):
                x = conv(x, f"{prefix}.downsample.0", f"{prefix}.downsample.1", stride)
            x = relu(graph.node("Add", [y, x], f"{prefix}.sum"))
    graph.classifier(x, weights["fc.weight"], weights["fc.bias"])
    return graph.model(architecture.name, side, len(weights["fc.bias"]))


def from_state_dict(weights: Weights, side: int = SIDE, folded: bool = True) -> onnx.ModelProto:
    """Any of the architectures, with as many classes as the checkpoint has."""
    architecture = recognised(weights)
    classes = len(weights.get("fc.bias", ()))
    require_fitting(weights, expected_shapes(architecture, classes), architecture.name)
    return build(weights, architecture, side, folded)
