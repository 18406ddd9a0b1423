# SPDX-License-Identifier: Apache-2.0
"""holdfast-tools with the built server: what it makes is packed, served, and answers the same."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from tests.process.running_server import BIN, PHOTOS, ROOT, TINY, Server, oracle
from tests.python.tools_command_test import checkpoint
from tools.models import make_tiny

KERAS = ROOT / "tests/data/openvino/keras/1"


def tools(*words, code=0):
    """holdfast-tools as a command; what it printed."""
    path = os.pathsep.join([str(ROOT / "tools/python/src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-m", "holdfast_tools", *map(str, words)],
                          capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture
def pictures(tmp_path):
    """Two of each class of the tiny model, in folders named like their labels."""

    paths = []
    for label in make_tiny.LABELS:
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for size in (40, 64):
            path = tmp_path / "pictures" / label / f"{size}.png"
            Image.fromarray(make_tiny.picture(label, size, size)).save(path)
            paths.append(path)
    return paths


def test_an_int8_model_is_served_with_the_classes_of_its_original(tmp_path, pictures):
    repository = tmp_path / "models"
    tools("quantize", TINY / "tiny/1", "--photos", tmp_path / "pictures", "--output",
          tmp_path / "tiny-int8.onnx", "--pack", repository, "--name", "tiny",
          "--holdfast", BIN / "holdfast", "--method", "mse", "--float-layers", "0")
    folder = repository / "tiny/1"
    shown = subprocess.run([BIN / "holdfast", "inspect", folder], check=True, capture_output=True,
                           text=True).stdout
    assert "int8 (QDQ" in shown and shown.count("golden/") >= 3 and "labels         10" in shown
    with Server(tmp_path, "--workers", "1", models=repository) as server:
        for path, wanted in oracle(TINY / "tiny/1", pictures):
            status, _, answer = server.classify(path.read_bytes())
            assert status == 200
            assert answer["predictions"][0]["index"] == wanted, path


def test_a_checkpoint_is_packed_once_the_server_answers_as_its_original(tmp_path):
    out = tools("import", checkpoint(tmp_path / "pets.pth"), "--output", tmp_path / "pets.onnx",
                "--size", "64", "--preset", "torchvision", "--photos", PHOTOS, "--pack",
                tmp_path / "models", "--holdfast", BIN / "holdfast", "--json")
    report = json.loads(out)
    assert report["agreement_percent"] == 100.0 and report["score_difference"] < 1e-3
    assert report["photos"] == len(list(PHOTOS.glob("*.jpg")))
    assert (tmp_path / "models/pets/1/model.toml").is_file()


def test_an_import_that_the_server_answers_otherwise_is_not_packed(tmp_path):
    tools("import", TINY / "tiny/1/model.onnx", "--preset", "unit", "--photos", PHOTOS, "--pack",
          tmp_path / "models", "--name", "tiny", "--holdfast", BIN / "holdfast",
          "--max-disagreement", "-1", code=65)
    assert not (tmp_path / "models").exists()


@pytest.mark.skipif(not (BIN.parent / "lib/libholdfast_openvino.so").exists(),
                    reason="built without OpenVINO")
def test_a_saved_model_is_packed_as_it_is(tmp_path):
    out = tools("import", KERAS, "--preset", "unit", "--preprocessing", "crop=32,32", "--photos",
                PHOTOS, "--pack", tmp_path / "models", "--name", "keras", "--holdfast",
                BIN / "holdfast", "--json")
    assert json.loads(out)["agreement_percent"] == 100.0
    for file in (path for path in KERAS.rglob("*") if path.is_file()):
        assert (tmp_path / "models/keras/1" / file.relative_to(KERAS)).read_bytes() == file.read_bytes()
