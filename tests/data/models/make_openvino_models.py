#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the models that OpenVINO's tests load: make_openvino_models.py

Writes into tests/data/openvino/ one small Keras classifier as a SavedModel, as a TFLite file and as an
OpenVINO IR, the same with an input of bytes, and what TensorFlow itself answers. It needs TensorFlow
and OpenVINO, which the project's own environment does not have:

  python3 -m venv /tmp/tf && /tmp/tf/bin/pip install tensorflow-cpu==2.21.0 openvino==2026.4.1
  /tmp/tf/bin/python tests/data/models/make_openvino_models.py
"""

import json
import os
import pathlib
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import openvino
import tensorflow as tf

OUT = pathlib.Path(__file__).resolve().parents[1] / "openvino"
SIDE = 32
CLASSES = 10
INPUTS = 4


def classifier() -> tf.keras.Model:
    """NHWC, float32, open batch; ends in a softmax, as Keras classifiers do."""
    tf.keras.utils.set_random_seed(7)
    layers = tf.keras.layers
    return tf.keras.Sequential([
        layers.Input((SIDE, SIDE, 3), name="pixels"),
        layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.Conv2D(16, 1, activation="relu"),
        layers.AveragePooling2D(4),
        layers.Flatten(),
        layers.Dense(CLASSES, kernel_initializer=tf.keras.initializers.RandomNormal(stddev=0.6),
                     activation="softmax", name="probabilities"),
    ])


def items() -> np.ndarray:
    """The pattern that the tests make too: element i of item k is (i * 7919 + k * 104729) % 256."""
    elements = np.arange(SIDE * SIDE * 3, dtype=np.int64) * 7919
    rows = [(elements + k * 104729) % 256 for k in range(INPUTS)]
    return (np.stack(rows).reshape(INPUTS, SIDE, SIDE, 3) / 255.0).astype(np.float32)


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    model = classifier()
    # A batch normalisation that does something.
    model.layers[1].set_weights([np.linspace(0.5, 2, 8), np.linspace(-0.3, 0.3, 8),
                                 np.linspace(-0.1, 0.1, 8), np.linspace(0.2, 1.2, 8)])
    saved = OUT / "keras/1"
    model.export(saved, verbose=False)
    (saved / "fingerprint.pb").unlink(missing_ok=True)

    lite = OUT / "lite/1/model.tflite"
    lite.parent.mkdir(parents=True)
    lite.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())

    ir = OUT / "ir/1/model.xml"
    ir.parent.mkdir(parents=True)
    openvino.save_model(openvino.convert_model(str(saved)), ir, compress_to_fp16=False)
    # The folder that it was made in is nobody's business.
    lines = ir.read_text().splitlines(keepends=True)
    ir.write_text("".join(line for line in lines if "<input_model " not in line))

    # An input of bytes, scaled inside the graph.
    bytes_in = tf.keras.Sequential([tf.keras.layers.Input((SIDE, SIDE, 3), dtype="uint8",
                                                          name="bytes"),
                                    tf.keras.layers.Rescaling(1 / 255.0), *model.layers])
    bytes_in.export(OUT / "bytes/1", verbose=False)
    (OUT / "bytes/1/fingerprint.pb").unlink(missing_ok=True)

    signature = tf.saved_model.load(str(saved)).signatures["serving_default"]
    _, named = signature.structured_input_signature
    answers = signature(**{name: tf.constant(items()) for name in named})
    (output, scores), = answers.items()
    (OUT / "expected.json").write_text(json.dumps({
        "tensorflow": tf.__version__, "input": next(iter(named)), "output": output,
        "scores": [[float(score) for score in row] for row in scores.numpy()]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
