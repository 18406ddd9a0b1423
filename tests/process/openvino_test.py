# SPDX-License-Identifier: Apache-2.0
"""Models that OpenVINO runs: TensorFlow's formats as they are, and the same promise for them."""

import base64
import json
import os
import pathlib
import random

import pytest

from tests.process.kill_test import LOAD_SHARE, check_nothing_lost, kill_while, one_of
from tests.process.running_server import (BIN, PHOTOS, ROOT, TINY, Load, Server, measure_capacity,
                                           oracle)

OPENVINO = ROOT / "tests/data/openvino"
EXPECTED = json.loads((OPENVINO / "expected.json").read_text())
ENCODED = json.loads((OPENVINO / "encoded.json").read_text())
TOLERANCE = 1e-4

pytestmark = pytest.mark.skipif(not (BIN.parent / "lib/libholdfast_openvino.so").exists(),
                                reason="built without OpenVINO")


def items():
    """What make_openvino_models.py gave to TensorFlow."""
    rows = [[(i * 7919 + item * 104729) % 256 / 255 for i in range(32 * 32 * 3)]
            for item in range(len(EXPECTED["scores"]))]
    return [[[row[(y * 32 + x) * 3:][:3] for x in range(32)] for y in range(32)] for row in rows]


def predict(server, model, body):
    status, _, answer = server.request("POST", f"/v1/models/{model}:predict", json.dumps(body))
    assert status == 200, answer
    return json.loads(answer)


def check_scores(rows):
    assert len(rows) == len(EXPECTED["scores"])
    for row, expected in zip(rows, EXPECTED["scores"], strict=True):
        assert row == pytest.approx(expected, abs=TOLERANCE)


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """A SavedModel as TensorFlow Serving is given it: a base path with a version in it."""
    folder = tmp_path_factory.mktemp("keras")
    with Server(folder, "--model_name", "keras", "--model_base_path", OPENVINO / "keras",
                "--workers", "2", "--sandbox", "required") as server:
        yield server


def test_a_saved_model_answers_as_tensorflow_does(keras):
    check_scores(predict(keras, "keras", {"instances": items()})["predictions"])


def test_tensors_may_be_named_as_the_signature_names_them(keras):
    named = [{EXPECTED["input"]: item} for item in items()]
    check_scores(predict(keras, "keras", {"instances": named})["predictions"])
    columns = predict(keras, "keras", {"inputs": {EXPECTED["input"]: items()}})["outputs"]
    check_scores(columns)
    _, _, body = keras.get("/v1/models/keras/metadata")
    assert EXPECTED["input"] in body.decode() and EXPECTED["output"] in body.decode()


def test_the_start_up_plan_says_the_engine_and_what_was_assumed(keras):
    plan = "\n".join(keras.plan)
    assert "openvino 20" in plan
    assert "no model.toml: the model is saved_model.pb" in plan
    assert "the outputs are probabilities" in plan


@pytest.mark.parametrize("model", ["lite", "ir"])
def test_tflite_and_ir_are_served_too(tmp_path, model):
    with Server(tmp_path, "--model_name", model, "--model_base_path", OPENVINO / model,
                "--workers", "1") as server:
        check_scores(predict(server, model, {"instances": items()})["predictions"])


def test_onnx_is_served_by_the_engine_that_model_toml_names(tmp_path):
    folder = tmp_path / "models/tiny/1"
    folder.mkdir(parents=True)
    for file in (TINY / "tiny/1").iterdir():
        if file.name != "model.toml":
            (folder / file.name).symlink_to(file)
    toml = (TINY / "tiny/1/model.toml").read_text()
    (folder / "model.toml").write_text(toml.replace('engine = "auto"', 'engine = "openvino"'))
    with Server(tmp_path, "--workers", "1", models=tmp_path / "models") as server:
        assert "openvino 20" in "\n".join(server.plan)
        for photo, index in oracle(TINY / "tiny/1", sorted(PHOTOS.glob("*.jpg"))):
            status, _, answer = server.classify(photo.read_bytes())
            assert status == 200
            assert answer["predictions"][0]["index"] == index


@pytest.fixture(scope="module", params=["encoded", "encoded-v1"])
def encoded(request, tmp_path_factory):
    """A SavedModel that decodes its images itself, as TensorFlow 2 and TensorFlow 1 export them."""
    folder = tmp_path_factory.mktemp("encoded")
    with Server(folder, "--model_name", request.param, "--model_base_path",
                OPENVINO / request.param, "--workers", "2", "--sandbox", "required") as server:
        server.name, server.truth = request.param, ENCODED[request.param]
        yield server
        server.check_quiet()


def test_encoded_images_get_tensorflows_scores_from_the_files_bytes_on(encoded):
    """Decoding included: 1e-4 would not be kept by another way of reading a JPEG."""
    names = sorted(encoded.truth)
    images = [{"b64": base64.b64encode((PHOTOS / name).read_bytes()).decode()} for name in names]
    expected = [pytest.approx(encoded.truth[name], abs=1e-5) for name in names]
    rows = predict(encoded, encoded.name, {"instances": images})["predictions"]
    assert rows == expected
    named = predict(encoded, encoded.name,
                    {"instances": [{"image_bytes": image} for image in images],
                     "signature_name": "serving_default"})
    assert named["predictions"] == expected
    columns = predict(encoded, encoded.name, {"inputs": {"image_bytes": images}})
    assert columns["outputs"] == expected
    binary = [image["b64"] for image in images]
    lengths = b"".join(len(data).to_bytes(4, "little") + data
                       for data in map(base64.b64decode, binary))
    head = json.dumps({"inputs": [{"name": "image_bytes", "datatype": "BYTES",
                                   "shape": [len(names)], "parameters":
                                   {"binary_data_size": len(lengths)}}]}).encode()
    status, _, answer = encoded.request(
        "POST", f"/v2/models/{encoded.name}/infer", head + lengths,
        {"inference-header-content-length": str(len(head))})
    assert status == 200, answer
    flat = json.loads(answer)["outputs"][0]["data"]
    assert [flat[i:i + 10] for i in range(0, len(flat), 10)] == expected


def test_encoded_images_are_what_such_a_model_says_that_it_takes(encoded):
    _, _, body = encoded.get(f"/v1/models/{encoded.name}/metadata")
    signature = json.loads(body)["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["image_bytes"]["dtype"] == "DT_STRING"
    _, _, body = encoded.get(f"/v2/models/{encoded.name}")
    assert {"name": "image_bytes", "datatype": "BYTES", "shape": [-1]} in json.loads(body)["inputs"]
    for name in encoded.truth:
        status, _, answer = encoded.classify((PHOTOS / name).read_bytes())
        best = encoded.truth[name].index(max(encoded.truth[name]))
        assert (status, answer["predictions"][0]["index"]) == (200, best)


def test_tensors_are_refused_by_a_model_of_encoded_images(encoded):
    for path, body in ((f"/v1/models/{encoded.name}:predict", {"instances": [0.5]}),
                       (f"/v1/models/{encoded.name}:predict", {"instances": [[[0.5]]]}),
                       (f"/v2/models/{encoded.name}/infer",
                        {"inputs": [{"name": "image_bytes", "datatype": "FP32", "shape": [1],
                                     "data": [0.5]}]})):
        status, _, answer = encoded.request("POST", path, json.dumps(body))
        assert status == 400 and b"encoded images" in answer, answer
    status, _, _ = encoded.classify(b"no image")
    assert status == 415


def test_a_worker_killed_under_load_costs_nothing(keras):
    photos = oracle(OPENVINO / "keras/1", sorted(PHOTOS.glob("*.jpg")))
    rate = LOAD_SHARE * measure_capacity(keras, photos, seconds=2)
    load = Load(keras, photos, rate=rate, seconds=8, seed=19)
    kills = kill_while(keras, load, 0.5, one_of, random.Random(19))
    check_nothing_lost(keras, load.result(), kills, 100)
    keras.await_workers(2)


def test_a_worker_is_not_tied_to_one_core(keras):
    predict(keras, "keras", {"instances": items()})
    for pid in keras.workers():
        assert os.sched_getaffinity(pid) == os.sched_getaffinity(0)


def test_only_a_model_that_needs_the_engine_brings_it_into_its_processes(tiny_server, keras):
    def maps(server):
        return "".join(pathlib.Path(f"/proc/{pid}/maps").read_text()
                       for pid in [server.zygote(), *server.workers()])
    assert "openvino" in maps(keras)
    assert "openvino" not in maps(tiny_server)
