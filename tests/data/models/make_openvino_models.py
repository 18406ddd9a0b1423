#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the models that OpenVINO's tests load: make_openvino_models.py [encoded]

Writes into tests/data/openvino/ one small Keras classifier as a SavedModel, as a TFLite file and as an
OpenVINO IR, the same with an input of bytes, and two whose input is encoded images: as TensorFlow 2
exports them, and as TensorFlow 1 did. With each what TensorFlow itself answers. `encoded`: these two
alone. It needs TensorFlow and OpenVINO, which the project's own environment does not have:

  python3 -m venv /tmp/tf && /tmp/tf/bin/pip install tensorflow-cpu==2.21.0 openvino==2026.4.1
  /tmp/tf/bin/python tests/data/models/make_openvino_models.py
"""

import json
import os
import pathlib
import shutil
import sys

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


PHOTOS = OUT.parent / "photos"


def weights() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(1)
    return ((random.randn(5, 5, 3, 8) * 0.3).astype(np.float32),
            random.randn(8, CLASSES).astype(np.float32))


def scores_of(pictures, kernel, dense):
    """Of pictures from 0 to 1, brought to one size."""
    features = tf.nn.relu(tf.nn.conv2d(pictures * 2 - 1, kernel, 2, "VALID"))
    return tf.nn.softmax(tf.reduce_mean(features, [1, 2]) @ dense, name="scores")


class Encoded(tf.Module):
    """Takes pictures as their files are, any number of them."""

    def __init__(self):
        super().__init__()
        self.kernel, self.dense = (tf.Variable(values) for values in weights())

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serve(self, image_bytes):
        def prepare(image):
            picture = tf.io.decode_image(image, channels=3, expand_animations=False)
            return tf.image.resize(tf.image.convert_image_dtype(picture, tf.float32), [SIDE, SIDE])
        pictures = tf.map_fn(prepare, image_bytes,
                             fn_output_signature=tf.TensorSpec([SIDE, SIDE, 3], tf.float32))
        return {"probabilities": scores_of(pictures, self.kernel, self.dense)}


def export_of_tensorflow_1(folder: pathlib.Path) -> None:
    """As tf.estimator did: loops of the old control flow, a second output, the exact transform."""
    tf1 = tf.compat.v1
    tf1.disable_control_flow_v2()

    def prepare(image):
        picture = tf1.image.decode_jpeg(image, channels=3, dct_method="INTEGER_ACCURATE")
        picture = tf1.image.convert_image_dtype(picture, tf.float32)
        return tf1.image.resize_images(picture, [SIDE, SIDE])

    with tf1.Graph().as_default(), tf1.Session() as session:
        images = tf1.placeholder(tf.string, [None], name="input_tensor")
        pictures = tf1.map_fn(prepare, images, dtype=tf.float32)
        pictures.set_shape([None, SIDE, SIDE, 3])
        kernel, dense = (tf1.get_variable(name, initializer=values, use_resource=True)
                         for name, values in zip(("kernel", "dense"), weights(), strict=True))
        scores = scores_of(pictures, kernel, dense)
        session.run(tf1.global_variables_initializer())
        tf1.saved_model.simple_save(session, str(folder), {"image_bytes": images},
                                    {"probabilities": scores, "classes": tf1.argmax(scores, 1)})


def make_encoded() -> None:
    for name in ("encoded", "encoded-v1"):
        shutil.rmtree(OUT / name, ignore_errors=True)
    model = Encoded()
    tf.saved_model.save(model, str(OUT / "encoded/1"), signatures={"serving_default": model.serve})
    export_of_tensorflow_1(OUT / "encoded-v1/1")
    photos = sorted(PHOTOS.glob("*.jpg"))
    answers = {}
    for name in ("encoded", "encoded-v1"):
        (OUT / name / "1/fingerprint.pb").unlink(missing_ok=True)
        signature = tf.saved_model.load(str(OUT / name / "1")).signatures["serving_default"]
        scores = [signature(tf.constant([photo.read_bytes()]))["probabilities"].numpy()[0].tolist()
                  for photo in photos]
        answers[name] = {photo.name: row for photo, row in zip(photos, scores, strict=True)}
    (OUT / "encoded.json").write_text(json.dumps(answers, indent=1) + "\n")


def main() -> None:
    if sys.argv[1:] == ["encoded"]:
        make_encoded()
        return
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
    make_encoded()


if __name__ == "__main__":
    main()
