# SPDX-License-Identifier: Apache-2.0
"""Cross-layer equalisation: gives every channel between two convolutions a like share of 8 bits.

A channel that leaves a convolution s times larger, and is read by the next one with weights s times
smaller, changes nothing in float: not through a ReLU, nor through a Clip that it does not reach. In
8 bits it is s times finer.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from holdfast_tools.calibration import Activation

SCALE_MAX = 64.0
HEADROOM = 1.1  # Photos that were not seen reach a little higher.


@dataclasses.dataclass(frozen=True)
class Pair:
    first: onnx.NodeProto
    second: onnx.NodeProto
    between: str  # The tensor that the second reads.
    ceiling: float  # Where a Clip cuts it; infinity without one.


def equalised(model: onnx.ModelProto, seen: Mapping[str, Activation]) -> tuple[onnx.ModelProto, int]:
    """The same function on what was seen; and between how many pairs it was done."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {weight.name: weight for weight in made.graph.initializer}
    pairs = _pairs(made, constants)
    for pair in pairs:
        activation = seen[pair.between]
        reach = np.maximum(activation.channel_highest, -activation.channel_lowest)
        weight = numpy_helper.to_array(constants[pair.second.input[1]])
        scale = _scales(reach, pair.ceiling, weight, _groups(pair.second))
        _multiply(constants, pair.first.input[1], scale, axis=0)
        if len(pair.first.input) > 2:
            _multiply(constants, pair.first.input[2], scale, axis=0)
        _multiply(constants, pair.second.input[1], 1.0 / scale,
                  axis=0 if _groups(pair.second) > 1 else 1)
    return made, len(pairs)


def _scales(reach: np.ndarray, ceiling: float, weight: np.ndarray, groups: int) -> np.ndarray:
    """At most what the whole tensor's range allows; 1 for a channel that reaches a Clip."""
    top = ceiling if np.isfinite(ceiling) else float(reach.max())
    scale = np.where(reach > 0, top / np.maximum(reach * HEADROOM, 1e-12), 1.0)
    if groups == 1:
        # What the activation gains, the next weights must not lose: they share a row's steps.
        use = np.abs(weight).reshape(*weight.shape[:2], -1).max(axis=(0, 2))
        scale = np.sqrt(scale * use / max(float(use.max()), 1e-12))
    return np.clip(scale, 1.0, SCALE_MAX)


def _groups(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def _multiply(constants: Mapping[str, onnx.TensorProto], name: str, factor: np.ndarray,
              axis: int) -> None:
    array = numpy_helper.to_array(constants[name])
    shape = [1] * array.ndim
    shape[axis] = -1
    product = (array * factor.reshape(shape)).astype(np.float32)
    constants[name].CopyFrom(numpy_helper.from_array(product, name))


def _pairs(model: onnx.ModelProto, constants: Mapping[str, onnx.TensorProto]) -> list[Pair]:
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {value.name for value in model.graph.output}

    def only_reader(name: str) -> onnx.NodeProto | None:
        found = readers.get(name, [])
        return found[0] if len(found) == 1 and name not in outputs else None

    pairs = []
    for node in model.graph.node:
        if node.op_type != "Conv" or not _owns_weights(node, constants, readers):
            continue
        ceiling, between = np.inf, node.output[0]
        after = only_reader(between)
        if after is not None and after.op_type in ("Relu", "Clip"):
            if after.op_type == "Clip":
                low, high = _clip_ends(after, constants)
                if low != 0.0:
                    continue
                ceiling = high
            between = after.output[0]
            after = only_reader(between)
        if (after is not None and after.op_type == "Conv" and after.input[0] == between
                and _owns_weights(after, constants, readers) and _pairs_up(after, constants)):
            pairs.append(Pair(node, after, between, ceiling))
    return pairs


def _owns_weights(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto],
                  readers: Mapping[str, list[onnx.NodeProto]]) -> bool:
    return all(name in constants and len(readers[name]) == 1 for name in node.input[1:])


def _pairs_up(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    """Dense or depthwise: each input channel has weights of its own."""
    shape = constants[node.input[1]].dims
    return _groups(node) == 1 or (_groups(node) == shape[0] and shape[1] == 1)


def _clip_ends(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> tuple[float, float]:
    ends = [numpy_helper.to_array(constants[name]).item() if name in constants else default
            for name, default in zip([*node.input[1:], "", ""], (-np.inf, np.inf))]
    return ends[0], ends[1]
