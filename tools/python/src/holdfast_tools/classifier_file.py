# SPDX-License-Identifier: Apache-2.0
"""An ONNX file that is an image classifier: one picture in, one row of class scores out."""

import dataclasses
import pathlib

import onnx

from holdfast_tools.errors import NO_INPUT, ToolsError

ONNX_BYTES_MAX = (1 << 31) - 1


@dataclasses.dataclass(frozen=True)
class Port:
    """The input or the output of a graph; an open dimension is 0."""

    name: str
    type: int
    shape: tuple[int, ...]

    def described(self) -> str:
        kind = onnx.TensorProto.DataType.Name(self.type).lower()
        return f"{self.name} {kind} [{', '.join(str(size or 'N') for size in self.shape)}]"


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    return Port(value.name, tensor.elem_type,
                tuple(dimension.dim_value for dimension in tensor.shape.dim))


def ports(model: onnx.ModelProto) -> tuple[Port, Port]:
    """Input and output; a graph of another form is refused."""
    constants = {weight.name for weight in model.graph.initializer}
    inputs = [_port(value) for value in model.graph.input if value.name not in constants]
    outputs = [_port(value) for value in model.graph.output]
    if len(inputs) != 1 or len(outputs) != 1:
        raise ToolsError(f"{len(inputs)} inputs and {len(outputs)} outputs; want one of each")
    source, target = inputs[0], outputs[0]
    if source.type != onnx.TensorProto.FLOAT or len(source.shape) != 4 or source.shape[0] > 1:
        raise ToolsError(f"the input is {source.described()}; want float [N, 3, height, width]")
    if not all(source.shape[1:]):
        raise ToolsError(f"the input is {source.described()}; height and width must be fixed: "
                         "export it with the size that it was trained with")
    if target.type != onnx.TensorProto.FLOAT or len(target.shape) < 2 or not target.shape[1]:
        raise ToolsError(f"the output is {target.described()}; want float [N, classes]")
    return source, target


def load(path: pathlib.Path) -> onnx.ModelProto:
    """The model, checked, with the data that it keeps beside it."""
    if not path.is_file():
        raise ToolsError(f"there is no file {path}", NO_INPUT)
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # Foreign bytes can make protobuf and the checker raise anything.
        reason = str(error).strip().split("\n", 1)[0]
        raise ToolsError(f"{path.name} is not a valid ONNX model: {reason}") from error
    if model.ByteSize() > ONNX_BYTES_MAX:
        raise ToolsError("more than 2 GiB, which one ONNX file cannot hold")
    ports(model)
    return model
