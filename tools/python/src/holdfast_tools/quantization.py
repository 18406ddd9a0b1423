# SPDX-License-Identifier: Apache-2.0
"""Turns a float graph into int8: QDQ nodes with per-channel weights, in onnxruntime's form."""

import pathlib
import platform
import tempfile
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.shape_inference import quant_pre_process

from holdfast_tools.calibration import Range
from holdfast_tools.errors import ToolsError

OPERATORS = ["Conv", "Gemm", "MatMul", "Add", "Mul", "Relu", "Clip", "MaxPool", "AveragePool",
             "GlobalAveragePool", "Flatten", "Reshape", "Concat"]
WEIGHTED = ("Conv", "Gemm", "MatMul")
# x86 processors without one of these add pairs of products in 16 bits, which can overflow.
EXACT_FLAGS = ("avx512_vnni", "avx_vnni", "amx_int8")


def saturates(cpuinfo: str | None = None) -> bool:
    """Whether this CPU's int8 products overflow unless weights are kept to 7 bits."""
    if cpuinfo is None:
        if platform.machine() not in ("x86_64", "AMD64"):
            return False
        cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    return not any(flag in cpuinfo.split() for flag in EXACT_FLAGS)


def prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """With normalisations folded, constants computed and shapes inferred."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "in.onnx"), pathlib.Path(folder, "out.onnx")
        onnx.save(model, source)
        try:
            quant_pre_process(source, target, skip_symbolic_shape=True)
        except Exception as error:  # onnxruntime's tools raise whatever comes up.
            reason = str(error).strip().split("\n", 1)[0]
            raise ToolsError(f"onnxruntime cannot optimise this graph: {reason}") from error
        made = onnx.load(target)
    for index, node in enumerate(made.graph.node):
        node.name = node.name or f"{node.op_type}-{index}"  # Nodes are left out by name.
    return made


def quantized(model: onnx.ModelProto, ranges: Mapping[str, Range], reduce_range: bool,
              in_float: Collection[str] = ()) -> onnx.ModelProto:
    """`in_float`: names of the layers that stay as they are."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    data = {name: TensorData(lowest=np.float32(low), highest=np.float32(high))
            for name, (low, high) in ranges.items()}
    quantizer: Any = QDQQuantizer(
        copy, per_channel=True, reduce_range=reduce_range, weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, data), nodes_to_quantize=[],
        nodes_to_exclude=list(in_float), op_types_to_quantize=OPERATORS,
        extra_options={"TensorQuantOverrides": _whole_range(model, in_float)
                       if reduce_range else {}})
    quantizer.quantize_model()
    made: onnx.ModelProto = quantizer.model.model
    _keep_in_float(made, in_float)
    return made


def _whole_range(model: onnx.ModelProto, in_float: Collection[str]) -> dict[str, list[object]]:
    """Depthwise convolutions do not saturate, where that was measured (AVX2 without VNNI): their
    weights may have all 8 bits."""
    shapes = {weight.name: weight.dims for weight in model.graph.initializer}
    return {node.input[1]: [{"quant_type": QuantType.QInt8, "reduce_range": False, "axis": 0}]
            for node in model.graph.node
            if node.op_type == "Conv" and node.name not in in_float
            and shapes.get(node.input[1], (0, 0))[1] == 1}


def _keep_in_float(int8: onnx.ModelProto, layers: Collection[str]) -> None:
    """onnxruntime quantizes a float layer between 8-bit ones itself when it loads the graph, with one
    scale for all channels: its WeightBiasQuantization. A Clip that cuts nothing hides the layer from it.
    """
    dequantized = {node.output[0] for node in int8.graph.node
                   if node.op_type == "DequantizeLinear"}
    largest = float(np.finfo(np.float32).max)
    ends = [onnx.numpy_helper.from_array(np.array(end, np.float32), f"float32_{name}")
            for name, end in (("lowest", -largest), ("highest", largest))]
    guarded = [index for index, node in enumerate(int8.graph.node)
               if node.name in layers and node.input[0] in dequantized]
    for index in reversed(guarded):
        node = int8.graph.node[index]
        kept = f"{node.input[0]}_for_{node.output[0]}"
        inputs = [node.input[0], *(end.name for end in ends)]
        clip = onnx.helper.make_node("Clip", inputs, [kept], f"{node.name}-guard")
        node.input[0] = kept
        int8.graph.node.insert(index, clip)
    if guarded:
        int8.graph.initializer.extend(ends)


def weighted_nodes(model: onnx.ModelProto) -> list[str]:
    """The layers: nodes with weights, in the order in which they run."""
    constants = {weight.name for weight in model.graph.initializer}
    return [node.name for node in model.graph.node
            if node.op_type in WEIGHTED and constants & set(node.input[1:])]
