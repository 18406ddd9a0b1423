# SPDX-License-Identifier: Apache-2.0
"""holdfast-tools as a command: what it refuses, with which exit code, in one line."""

import json
import pathlib

import numpy as np
import onnx
import pytest
from PIL import Image

from holdfast_tools import packing, resnet, servable, timm_config
from holdfast_tools.command import main
from holdfast_tools.errors import ToolsError
from tests.python import torch_files

ROOT = pathlib.Path(__file__).parents[2]
TINY = ROOT / "tests/data/models/tiny/1"
COLOURS = {"black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0), "green": (0, 255, 0),
           "blue": (0, 0, 255), "yellow": (255, 255, 0), "cyan": (0, 255, 255),
           "magenta": (255, 0, 255)}


@pytest.fixture
def photos(tmp_path):
    """Two pictures of each colour, in folders named like their labels."""
    for name, colour in COLOURS.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for shade in (0.9, 1.0):
            values = tuple(int(value * shade) for value in colour)
            Image.new("RGB", (40, 30), values).save(tmp_path / f"photos/{name}/{shade}.png")
    return tmp_path / "photos"


def run(capsys, *words):
    code = main([str(word) for word in words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_quantizes_a_packed_model_and_reports(capsys, tmp_path, photos):
    code, out, err = run(capsys, "quantize", TINY, "--photos", photos, "--output",
                         tmp_path / "int8.onnx", "--json", "--float-layers", "0")
    assert code == 0, err
    report = json.loads(out)
    assert report["photos"] == 8 and report["labelled"] == 8
    assert report["agreement_percent"] == 100.0 and report["loss_points"] == 0.0
    assert report["accepted"] and report["method"] and report["ms"] > 0
    kinds = [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node]
    assert "QuantizeLinear" in kinds
    assert "holdfast pack" in err and "geometry=stretch" in err and "golden/red.png=2" in err


def turned(folder):
    """The tiny model with its classes in another order: always wrong."""
    model = onnx.load(TINY / "model.onnx")
    for weight in model.graph.initializer:
        if weight.name in ("w3", "b3"):
            array = np.roll(onnx.numpy_helper.to_array(weight), 1, axis=-1)
            weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
    (folder / "turned").mkdir()
    onnx.save(model, folder / "turned/model.onnx")
    for name in ("model.toml", "labels.txt"):
        (folder / "turned" / name).write_bytes((TINY / name).read_bytes())
    return folder / "turned"


def test_verify_refuses_a_loss_unless_it_is_accepted(capsys, tmp_path, photos):
    words = ("verify", turned(tmp_path), "--against", TINY, "--photos", photos)
    code, out, err = run(capsys, *words)
    assert code == 65
    assert "0.00 %" in out and "100.00 points" in err and "--accept" in err
    assert run(capsys, *words, "--accept")[0] == 0
    assert run(capsys, *words, "--max-loss", "100", "--max-disagreement", "100")[0] == 0


@pytest.mark.parametrize("candidate", [TINY, TINY / "model.onnx"])
def test_verify_agrees_with_itself(capsys, photos, candidate):
    code, out, _ = run(capsys, "verify", candidate, "--against", TINY, "--photos", photos)
    assert code == 0 and "100.00 %" in out and "ms an image" in out


def test_a_refused_model_is_not_written(capsys, tmp_path, photos):
    code, _, err = run(capsys, "quantize", TINY, "--photos", photos, "--output",
                       tmp_path / "int8.onnx", "--method", "minmax", "--float-layers", "0",
                       "--max-disagreement", "-1")
    assert code == 65 and "refused" in err
    assert not (tmp_path / "int8.onnx").exists()


def checkpoint(path, classes=3):
    generator = np.random.default_rng(1)
    shapes = resnet.expected_shapes(resnet.ARCHITECTURES["resnet18"], classes)
    weights = {name: (generator.uniform(0.5, 1.0, shape) if name.endswith("running_var")
                      else generator.normal(0, 0.02, shape)).astype(np.float32)
               for name, shape in shapes.items()}
    path.write_bytes(torch_files.archive(torch_files.state_dict(weights)))
    return path


def test_imports_a_checkpoint_with_classes_of_its_own(capsys, tmp_path):
    code, _, err = run(capsys, "import", checkpoint(tmp_path / "pets.pth"), "--output",
                       tmp_path / "pets.onnx", "--size", "64", "--preset", "torchvision")
    assert code == 0, err
    assert "resnet18" in err and "3 classes" in err and "crop=64,64" in err and "resize=73" in err
    model = onnx.load(tmp_path / "pets.onnx")
    assert model.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 3


@pytest.mark.parametrize(("words", "code", "text"), [
    (["import", "none.pth", "--output", "x.onnx"], 66, "no file none.pth"),
    (["import", TINY, "--output", "x.onnx"], 66, "without a saved_model.pb"),
    (["import", TINY / "model.toml", "--pack", "x"], 78, "not a valid ONNX model"),
    (["verify", TINY, "--against", TINY / "model.onnx", "--photos", "x"], 64, "--preset"),
    (["verify", TINY, "--against", TINY, "--photos", "none"], 66, "no folder none"),
    (["quantize", "none", "--photos", "x", "--output", "y"], 66, "none is neither"),
    (["import", TINY / "model.onnx", "--photos", "x"], 64, "--pack"),
    (["import", TINY / "model.onnx", "--pack", "x", "--holdfast", "no-such-program"], 69,
     "no program no-such-program"),
    (["import", TINY / "model.onnx", "--labels", TINY / "model.toml"], 78, "the model 10 classes"),
])
def test_an_error_is_one_line_with_an_exit_code(capsys, words, code, text):
    found, _, err = run(capsys, *words)
    lines = [line for line in err.splitlines() if not line.startswith("  ")]
    assert found == code and len(lines) == 1 and text in lines[0]
    assert lines[0].startswith("holdfast-tools: ")


def test_a_wrong_flag_exits_with_64(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["quantize", "--fast"])
    assert ended.value.code == 64


def test_reads_timms_config(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"pretrained_cfg": {
        "input_size": [3, 288, 288], "crop_pct": 0.95, "interpolation": "bicubic",
        "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}}))
    made = timm_config.read(tmp_path / "config.json")
    assert (made.crop, made.resize, made.filter) == ((288, 288), 303, "bicubic")
    assert made.mean == (0.5, 0.5, 0.5) and made.deviation == (0.25, 0.25, 0.25)
    (tmp_path / "config.json").write_text('{"architecture": "resnet50"}')
    with pytest.raises(ToolsError, match="not timm's"):
        timm_config.read(tmp_path / "config.json")


def test_what_is_packed_says_what_model_toml_said(tmp_path):
    model = servable.read(TINY)
    words = packing.pack_arguments(model, tmp_path, "tiny", 2)
    keys = [word for word in words if "=" in word and not word.startswith("/")]
    again = servable.preset("torchvision", [key for key in keys if ".png" not in key])
    assert again == model.preprocessing
    assert words[words.index("--labels") + 1] == str(TINY / "labels.txt")
    assert words.count("--golden") == 3
