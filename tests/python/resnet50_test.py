# SPDX-License-Identifier: Apache-2.0
"""The networks that torchvision means by ResNet: holdfast_tools/resnet.py, tools/models/resnet50.py."""

import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from holdfast_tools import onnx_graph, resnet
from holdfast_tools.errors import ToolsError
from holdfast_tools.state_dict import StateDictError, parse_state_dict
from tests.python import torch_files
from tools.models import random_weights, resnet50

PHOTOS = pathlib.Path(__file__).parents[1] / "data" / "photos"
BOTTLENECK = resnet.Architecture("small", (2, 1, 1, 1), bottleneck=True, width=4)
BASIC = resnet.Architecture("smaller", (2, 1, 1, 1), bottleneck=False, width=4)
CLASSES = 7
SMALL_SIDE = 64


def small_weights(architecture=BOTTLENECK, seed: int = 3) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in resnet.expected_shapes(architecture, CLASSES).items():
        values = generator.normal(0.0, 0.3, shape)
        if name.endswith("running_var"):
            values = np.abs(values) + 0.5
        weights[name] = values.astype(np.float32)
    return weights


def run(model: onnx.ModelProto, batch: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    return session.run([onnx_graph.OUTPUT], {onnx_graph.INPUT: batch})[0]


class Reference:
    """The network written down a second time, in numpy, with normalisation not folded."""

    def __init__(self, weights) -> None:
        self.weights = {name: array.astype(np.float64) for name, array in weights.items()}

    def windows(self, x, kernel, stride, fill=0.0):
        pad = kernel // 2
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=fill)
        views = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
        return views[:, :, ::stride, ::stride]

    def conv_norm(self, x, conv, norm, stride=1):
        weight = self.weights[f"{conv}.weight"]
        x = np.einsum("nchwij,ocij->nohw", self.windows(x, weight.shape[-1], stride), weight)
        scale, bias, mean, variance = (
            self.weights[f"{norm}.{part}"][:, None, None] for part in resnet.NORM_PARTS)
        return (x - mean) / np.sqrt(variance + 1e-5) * scale + bias

    def block(self, x, prefix, stride):
        if f"{prefix}.conv3.weight" in self.weights:
            y = np.maximum(self.conv_norm(x, f"{prefix}.conv1", f"{prefix}.bn1"), 0)
            y = np.maximum(self.conv_norm(y, f"{prefix}.conv2", f"{prefix}.bn2", stride), 0)
            y = self.conv_norm(y, f"{prefix}.conv3", f"{prefix}.bn3")
        else:
            y = np.maximum(self.conv_norm(x, f"{prefix}.conv1", f"{prefix}.bn1", stride), 0)
            y = self.conv_norm(y, f"{prefix}.conv2", f"{prefix}.bn2")
        if f"{prefix}.downsample.0.weight" in self.weights:
            x = self.conv_norm(x, f"{prefix}.downsample.0", f"{prefix}.downsample.1", stride)
        return np.maximum(y + x, 0)

    def logits(self, x, layers):
        x = np.maximum(self.conv_norm(x, "conv1", "bn1", 2), 0)
        x = self.windows(x, 3, 2, -np.inf).max(axis=(4, 5))
        for stage, blocks in enumerate(layers):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                x = self.block(x, f"layer{stage + 1}.{block}", stride)
        return x.mean(axis=(2, 3)) @ self.weights["fc.weight"].T + self.weights["fc.bias"]


@pytest.mark.parametrize("architecture", [BOTTLENECK, BASIC])
@pytest.mark.parametrize("folded", [True, False])
def test_small_network_agrees_with_an_independent_evaluation(architecture, folded):
    weights = small_weights(architecture)
    batch = np.random.default_rng(5).normal(size=(2, 3, SMALL_SIDE, SMALL_SIDE)).astype(np.float32)
    got = run(resnet.build(weights, architecture, SMALL_SIDE, folded), batch)
    want = Reference(weights).logits(batch.astype(np.float64), architecture.layers)
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3 * np.abs(want).max())


@pytest.mark.parametrize("save", [torch_files.archive, torch_files.stream])
def test_a_saved_state_dict_builds_the_same_network(save):
    weights = small_weights()
    read = parse_state_dict(save(torch_files.state_dict(weights)))
    resnet.require_fitting(read, resnet.expected_shapes(BOTTLENECK, CLASSES), "small")
    assert (resnet.build(read, BOTTLENECK, SMALL_SIDE)
            == resnet.build(weights, BOTTLENECK, SMALL_SIDE))


@pytest.mark.parametrize(("name", "parameters"), [
    ("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032),
    ("resnet101", 44_549_160), ("resnet152", 60_192_808)])
def test_expects_the_parameters_that_torchvision_counts(name, parameters):
    shapes = resnet.expected_shapes(resnet.ARCHITECTURES[name])
    counted = [shape for name, shape in shapes.items() if "running_" not in name]
    assert sum(int(np.prod(shape)) for shape in counted) == parameters
    assert resnet.recognised(dict.fromkeys(shapes)).name == name


def test_expects_torchvisions_names_and_shapes():
    shapes = resnet.expected_shapes(resnet.ARCHITECTURES["resnet50"])
    assert shapes["layer4.2.conv2.weight"] == (512, 512, 3, 3)
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)


def test_says_all_that_is_missing_unexpected_or_misshapen_at_once():
    weights = small_weights()
    del weights["bn1.bias"]
    weights["head.weight"] = np.zeros(3, np.float32)
    weights["fc.bias"] = np.zeros(8, np.float32)
    weights["conv1.weight"][0] = np.nan
    weights["bn1.num_batches_tracked"] = np.array(4)
    with pytest.raises(StateDictError) as caught:
        resnet.require_fitting(weights, resnet.expected_shapes(BOTTLENECK, CLASSES), "small")
    message = str(caught.value)
    assert "missing: bn1.bias" in message
    assert "unexpected: head.weight" in message
    assert "fc.bias has shape (8,), not (7,)" in message
    assert "conv1.weight has values that are not finite" in message
    assert "num_batches_tracked" not in message


def onnx_file(folder: pathlib.Path, side=224, classes=1000) -> pathlib.Path:
    graph = onnx_graph.Graph()
    generator = np.random.default_rng(1)
    x = graph.conv(onnx_graph.INPUT, "conv", generator.normal(size=(4, 3, 1, 1)), np.zeros(4))
    graph.classifier(x, generator.normal(size=(classes, 4)), np.zeros(classes))
    path = folder / "given.onnx"
    onnx_graph.write(graph.model("given", side, classes), path)
    return path


def test_passes_a_fitting_onnx_file_through(tmp_path):
    path = onnx_file(tmp_path)
    arguments = argparse.Namespace(random=False, weights=path)
    assert resnet50.make(arguments) == onnx.load(path)


@pytest.mark.parametrize("change", [{"side": 64}, {"classes": 10}])
def test_refuses_an_onnx_file_of_another_shape(tmp_path, change):
    with pytest.raises(ToolsError, match="want float"):
        resnet50.checked_onnx(onnx_file(tmp_path, **change))


def test_refuses_a_file_that_is_no_onnx(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("hello")
    with pytest.raises(ToolsError, match="not a valid ONNX model"):
        resnet50.checked_onnx(path)


def test_a_seed_makes_the_same_random_weights_again():
    shapes = resnet.expected_shapes(BOTTLENECK, CLASSES)
    first, again, other = (random_weights.initialised(shapes, seed) for seed in (1, 1, 2))
    assert all((first[name] == again[name]).all() for name in shapes)
    assert (first["conv1.weight"] != other["conv1.weight"]).any()


def photo_tensor(path: pathlib.Path) -> np.ndarray:
    """torchvision's preprocessing with Pillow."""
    photo = Image.open(path).convert("RGB")
    ratio = 256 / min(photo.size)
    photo = photo.resize([round(side * ratio) for side in photo.size], Image.Resampling.BILINEAR)
    left, top = ((side - 224) // 2 for side in photo.size)
    pixels = np.asarray(photo.crop((left, top, left + 224, top + 224)), np.float32) / 255
    pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return pixels.transpose(2, 0, 1)[None].astype(np.float32)


def test_random_network_is_finite_and_tells_photos_apart():
    model = resnet50.random_model(seed=1)
    assert 100e6 < model.ByteSize() < 105e6
    logits = [run(model, photo_tensor(path)) for path in sorted(PHOTOS.glob("*.jpg"))]
    assert np.isfinite(logits).all()
    assert len({int(row.argmax()) for row in logits}) >= 3
