#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tiny classifier of the process tests, a servable folder: tests/data/models/tiny/1/.

It tells eight plain colours and two gradients apart, at 32x32 pixels and far below a millisecond,
so that tests can kill workers thousands of times and still know the right answer. The convolutions
are random but seeded; the last layer is fitted to noisy samples of each class.

    make_tiny.py [FOLDER]        needs: onnx, numpy, onnxruntime, Pillow
"""

import hashlib
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE = 32
SEED = 7
SAMPLES = 200  # A class.
COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
}
LABELS = [*COLOURS, "left to right", "top to bottom"]


def picture(label, width=SIDE, height=SIDE):
    """The picture of a class: RGB, 8 bits."""
    if label in COLOURS:
        return np.full((height, width, 3), COLOURS[label], np.uint8)
    ramp = np.linspace(0, 255, width if label == "left to right" else height)
    ramp = ramp[None, :, None] if label == "left to right" else ramp[:, None, None]
    return np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8)


def normalised(rgb):
    """What the preprocessing of model.toml makes of a picture: (pixel / 255 - 0.5) / 0.5, NCHW."""
    return ((rgb / 255.0 - 0.5) / 0.5).astype(np.float32).transpose(2, 0, 1)


def make_graph(weights):
    """Two strided convolutions, a 2x2 average and a linear layer."""
    nodes = [
        helper.make_node("Conv", ["input", "w1", "b1"], ["c1"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("AveragePool", ["r2"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["p"], ["f"], axis=1),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(LABELS)]),
         helper.make_tensor_value_info("f", TensorProto.FLOAT, ["N", 64])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                              producer_name="make_tiny.py")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def run(model, batch, output):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run([output], {"input": batch})[0]


def train():
    random = np.random.default_rng(SEED)
    weights = {
        "w1": random.normal(0, 0.35, (8, 3, 3, 3)).astype(np.float32),
        "b1": random.normal(0, 0.2, 8).astype(np.float32),
        "w2": random.normal(0, 0.2, (16, 8, 3, 3)).astype(np.float32),
        "b2": random.normal(0, 0.2, 16).astype(np.float32),
        "w3": np.zeros((64, len(LABELS)), np.float32),
        "b3": np.zeros(len(LABELS), np.float32),
    }
    batch, wanted = [], []
    for index, label in enumerate(LABELS):
        for _ in range(SAMPLES):
            fade = random.uniform(0.8, 1.0)
            noisy = picture(label) * fade + 255 * (1 - fade) * random.uniform()
            noisy = np.clip(noisy + random.normal(0, 12, noisy.shape), 0, 255)
            batch.append(normalised(noisy))
            wanted.append(np.where(np.arange(len(LABELS)) == index, 10.0, 0.0))
    features = run(make_graph(weights), np.stack(batch), "f").astype(np.float64)
    features = np.hstack([features, np.ones((len(features), 1))])
    ridge = features.T @ features + 1e-3 * np.eye(features.shape[1])
    solved = np.linalg.solve(ridge, features.T @ np.array(wanted))
    weights["w3"] = solved[:-1].astype(np.float32)
    weights["b3"] = solved[-1].astype(np.float32)
    model = make_graph(weights)
    del model.graph.output[1]
    return model


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else root / "tests/data/models/tiny/1")
    (folder / "golden").mkdir(parents=True, exist_ok=True)
    model = train()
    answers = run(model, np.stack([normalised(picture(label)) for label in LABELS]), "logits")
    if list(answers.argmax(axis=1)) != list(range(len(LABELS))):
        sys.exit(f"the classes are not told apart: {answers.argmax(axis=1)}")
    margins = np.sort(answers, axis=1)
    print(f"smallest margin between first and second: {(margins[:, -1] - margins[:, -2]).min():.1f}")

    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "labels.txt").write_text("".join(label + "\n" for label in LABELS))
    files = ["labels.txt", "model.onnx"]
    golden = []
    for label in ["red", "cyan", "left to right"]:
        name = f"golden/{label.replace(' ', '-')}.png"
        Image.fromarray(picture(label, 48, 40)).save(folder / name)
        files.append(name)
        golden.append((name, LABELS.index(label)))

    text = f"""\
engine = "auto"
file = "model.onnx"
labels = "labels.txt"
description = "Eight plain colours and two gradients; made by tools/models/make_tiny.py"
output = "logits"

[preprocessing]
geometry = "stretch"
filter = "bilinear"
crop = [{SIDE}, {SIDE}]
order = "rgb"
layout = "nchw"
scale = {1 / 255}
mean = [0.5, 0.5, 0.5]
deviation = [0.5, 0.5, 0.5]

[signature]
input = {{ name = "input", dtype = "float32", shape = [-1, 3, {SIDE}, {SIDE}] }}
output = {{ name = "logits", dtype = "float32", shape = [-1, {len(LABELS)}] }}
"""
    for name, index in golden:
        text += f'\n[[golden]]\nfile = "{name}"\nclass = {index}\n'
    text += "\n[sha256]\n"
    for name in sorted(files):
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        text += f'"{name}" = "{digest}"\n'
    (folder / "model.toml").write_text(text)


if __name__ == "__main__":
    main()
