# SPDX-License-Identifier: Apache-2.0
"""Builds the ONNX graph of a convolutional classifier, with batch normalisation folded in."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # The first that knows opset 17; older runtimes refuse newer ones.
INPUT = "input"
OUTPUT = "logits"


def folded(weight: np.ndarray, scale: np.ndarray, bias: np.ndarray, mean: np.ndarray,
           variance: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """A convolution's weight and bias with the normalisation that follows it worked in."""
    factor = scale.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    return weight * factor[:, None, None, None], bias - mean * factor


class Graph:
    """Nodes and weights, added in the order in which they run; every method gives a value's name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def constant(self, name: str, values: npt.ArrayLike) -> str:
        array = np.ascontiguousarray(values, np.float32)
        self._weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str,
             **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def conv(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray, *, stride: int = 1,
             pads: Sequence[int] = (0, 0, 0, 0), group: int = 1) -> str:
        inputs = [x, self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)]
        kernel = list(weight.shape[2:])
        return self.node("Conv", inputs, name, kernel_shape=kernel, strides=[stride, stride],
                         pads=list(pads), group=group)

    def classifier(self, x: str, weight: np.ndarray, bias: np.ndarray) -> None:
        """Averages each channel and multiplies: the end of the graph."""
        pooled = self.node("GlobalAveragePool", [x], "pool")
        features = self.node("Flatten", [pooled], "features")
        inputs = [features, self.constant("fc.weight", weight), self.constant("fc.bias", bias)]
        self.node("Gemm", inputs, OUTPUT, transB=1)

    def model(self, name: str, side: int, classes: int) -> onnx.ModelProto:
        source = _value(INPUT, ["N", 3, side, side])
        target = _value(OUTPUT, ["N", classes])
        graph = helper.make_graph(self._nodes, name, [source], [target], self._weights)
        model = helper.make_model(
            graph, producer_name="holdfast", ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        onnx.checker.check_model(model)
        return model


def _value(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def write(model: onnx.ModelProto, path: pathlib.Path) -> None:
    """In one step, so that nobody finds half a model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".onnx.part")
    onnx.save(model, scratch)
    scratch.rename(path)
