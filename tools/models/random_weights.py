# SPDX-License-Identifier: Apache-2.0
"""Random weights that behave: finite outputs, and classes that differ from photo to photo."""

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from holdfast_tools import onnx_graph

PROBE_PICTURES = 24
LOGIT_DEVIATION = 2.5  # Probabilities of the first class then look like a trained network's.
# The last convolution of a block adds only a little, or the sum would grow from block to block.
RESIDUAL_SCALE = 0.25


def initialised(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """He's initialisation for convolutions, an identity for normalisations."""
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in shapes.items():
        if len(shape) == 4:
            deviation = np.sqrt(2.0 / np.prod(shape[1:]))
            weights[name] = generator.normal(0.0, deviation, shape).astype(np.float32)
        elif len(shape) == 2:
            weights[name] = generator.normal(0.0, 1.0, shape).astype(np.float32)
        elif name.endswith(".running_var"):
            weights[name] = np.ones(shape, np.float32)
        elif name.endswith(".weight"):
            scale = RESIDUAL_SCALE if name.endswith(".bn3.weight") else 1.0
            weights[name] = np.full(shape, scale, np.float32)
        else:
            weights[name] = np.zeros(shape, np.float32)
    return weights


def probe_pictures(side: int, seed: int) -> np.ndarray:
    """Smooth coloured patterns, normalised like photos: [PROBE_PICTURES, 3, side, side]."""
    generator = np.random.default_rng(seed + 1)
    axis = np.linspace(0.0, 2.0 * np.pi, side)
    pictures = np.zeros((PROBE_PICTURES, 3, side, side))
    for picture in pictures:
        for _ in range(12):
            fx, fy = generator.uniform(0.0, 12.0, 2)
            wave = np.sin(fx * axis[None, :] + fy * axis[:, None] + generator.uniform(0.0, 6.3))
            picture += generator.normal(0.0, 0.4, 3)[:, None, None] * wave
        picture += generator.normal(0.0, 0.5, 3)[:, None, None]
    return pictures.astype(np.float32)


def spread_classes(weights: dict[str, np.ndarray], model: onnx.ModelProto, side: int,
                   seed: int) -> None:
    """Makes the last layer answer to what differs between pictures.

    Features of a random network are nearly the same for every picture, so one class would always
    win. They are measured on a few patterns, centred, and scaled to a trained network's logits.
    """
    value = helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["N", None])
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    probe.graph.output.append(value)
    session = onnxruntime.InferenceSession(probe.SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    pictures = probe_pictures(side, seed)
    features = np.concatenate([session.run(["features"], {onnx_graph.INPUT: picture[None]})[0]
                               for picture in pictures]).astype(np.float64)
    centre = features.mean(axis=0)
    # The common part, seen through random weights, is what made one class win: take it out.
    logits = (features - centre) @ weights["fc.weight"].T.astype(np.float64)
    scale = LOGIT_DEVIATION / logits.std()
    scaled = weights["fc.weight"] * scale
    weights["fc.weight"] = scaled.astype(np.float32)
    weights["fc.bias"] = (-scaled @ centre).astype(np.float32)
