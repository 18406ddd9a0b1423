# SPDX-License-Identifier: Apache-2.0
"""tools/models/efficientnet_lite.py converts the published weights rightly."""

import pathlib

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from holdfast_tools import onnx_graph
from tools.models import efficientnet_lite

ROOT = pathlib.Path(__file__).parents[2]
PHOTOS = ROOT / "tests" / "data" / "photos"


@pytest.fixture(scope="module")
def session():
    model = efficientnet_lite.build(efficientnet_lite.published_weights())
    return onnxruntime.InferenceSession(model.SerializeToString(),
                                        providers=["CPUExecutionProvider"])


def photo_tensor(path: pathlib.Path) -> np.ndarray:
    photo = Image.open(path).convert("RGB")
    side = 224 / 256 * min(photo.size)
    left, top = ((length - side) / 2 for length in photo.size)
    box = (left, top, left + side, top + side)
    photo = photo.resize((224, 224), Image.Resampling.BICUBIC, box=box)
    pixels = (np.asarray(photo, np.float32) - 127) / 128
    return pixels.transpose(2, 0, 1)[None]


@pytest.mark.parametrize(
    ("photo", "label"),
    [("chelsea.jpg", "Egyptian cat"), ("coffee.jpg", "espresso"), ("rocket.jpg", "missile")],
)
def test_first_class_of_a_photo_is_what_it_shows(session, photo, label):
    labels = (ROOT / "tools/models/imagenet_labels.txt").read_text().splitlines()
    logits = session.run([onnx_graph.OUTPUT], {onnx_graph.INPUT: photo_tensor(PHOTOS / photo)})[0]
    assert labels[int(logits.argmax())] == label


def test_takes_any_batch_and_answers_each_row_alike(session):
    rows = [photo_tensor(PHOTOS / name) for name in ("chelsea.jpg", "coffee.jpg")]
    both = session.run(None, {onnx_graph.INPUT: np.concatenate(rows)})[0]
    assert both.shape == (2, 1000)
    for index, row in enumerate(rows):
        alone = session.run(None, {onnx_graph.INPUT: row})[0]
        np.testing.assert_allclose(both[index], alone[0], rtol=1e-4, atol=1e-4)
