# SPDX-License-Identifier: Apache-2.0
"""Takes the mean error that rounded weights cause out of the biases."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from holdfast_tools.calibration import Activation


def corrected(model: onnx.ModelProto, int8: onnx.ModelProto,
              seen: Mapping[str, Activation]) -> onnx.ModelProto:
    """`model` with biases that make its int8 form's layers right on average; padding is neglected.

    A layer gives W·x + b; rounded, its mean is off by (W' − W)·E[x].
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {weight.name: weight for weight in made.graph.initializer}
    rounded = {weight.name: weight for weight in int8.graph.initializer}
    for node in made.graph.node:
        if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3:
            continue
        name, bias_name = node.input[1], node.input[2]
        if f"{name}_quantized" not in rounded or bias_name not in constants:
            continue
        error = _dequantized(rounded, name, node) - _by_output(_array(constants[name]), node)
        shift = _mean_shift(error, seen[node.input[0]].channel_mean, node)
        bias = _array(constants[bias_name]) - shift
        constants[bias_name].CopyFrom(numpy_helper.from_array(bias.astype(np.float32), bias_name))
    return made


def _array(tensor: onnx.TensorProto) -> np.ndarray:
    return numpy_helper.to_array(tensor)


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)


def _by_output(weight: np.ndarray, node: onnx.NodeProto) -> np.ndarray:
    """The first axis is the output's."""
    transposed = node.op_type == "Conv" or _attribute(node, "transB", 0)
    return weight if transposed else weight.T


def _dequantized(rounded: Mapping[str, onnx.TensorProto], name: str,
                 node: onnx.NodeProto) -> np.ndarray:
    weight = _by_output(_array(rounded[f"{name}_quantized"]).astype(np.float64), node)
    scale = _array(rounded[f"{name}_scale"]).astype(np.float64).reshape(-1)
    zero = _array(rounded[f"{name}_zero_point"]).astype(np.float64).reshape(-1)
    along = (-1,) + (1,) * (weight.ndim - 1)
    return (weight - zero.reshape(along)) * scale.reshape(along)


def _mean_shift(error: np.ndarray, mean: np.ndarray, node: onnx.NodeProto) -> np.ndarray:
    groups = _attribute(node, "group", 1)
    by_input = error.reshape(*error.shape[:2], -1).sum(axis=2)  # [outputs, inputs of a group].
    outputs = len(by_input) // groups
    shift = [by_input[group * outputs:(group + 1) * outputs]
             @ mean[group * by_input.shape[1]:(group + 1) * by_input.shape[1]]
             for group in range(groups)]
    return np.concatenate(shift)
