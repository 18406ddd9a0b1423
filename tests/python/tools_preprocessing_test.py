# SPDX-License-Identifier: Apache-2.0
"""holdfast_tools/preprocessing.py makes of a picture what the server makes of it."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from holdfast_tools.errors import ToolsError
from holdfast_tools.preprocessing import Preprocessing, fit, to_rgb

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text())


@pytest.mark.parametrize("entry", MANIFEST["images"], ids=lambda entry: entry["file"])
def test_fits_a_picture_as_the_servers_golden_images_have_it(entry):
    with Image.open(GOLDEN / entry["file"]) as stored, Image.open(GOLDEN / entry["sheet"]) as sheet:
        image = to_rgb(stored)
        expected = np.asarray(sheet.convert("RGB")).astype(int)
    for part in entry["parts"]:
        pipeline = MANIFEST["pipelines"].get(part["pipeline"])
        picture = fit(image, Preprocessing.of_table(pipeline)) if pipeline else image
        wanted = expected[part["top"]:part["top"] + part["height"], :part["width"]]
        assert np.abs(np.asarray(picture) - wanted).max() <= 1, part["pipeline"]


def test_normalises_as_model_toml_says(tmp_path):
    Image.new("RGB", (4, 4), (255, 0, 51)).save(tmp_path / "a.png")
    keys = {"geometry": "stretch", "crop": [2, 2], "mean": [0.5, 0.25, 0.0],
            "deviation": [0.5, 1.0, 2.0]}
    tensor = Preprocessing.of_table(keys).tensor(tmp_path / "a.png")
    assert tensor.shape == (1, 3, 2, 2) and tensor.dtype == np.float32
    np.testing.assert_allclose(tensor[0, :, 0, 0], [1.0, -0.25, 0.1], atol=1e-6)
    turned = Preprocessing.of_table(keys | {"layout": "nhwc", "order": "bgr"})
    np.testing.assert_allclose(turned.tensor(tmp_path / "a.png")[0, 0, 0], [-0.6, -0.25, 0.5],
                               atol=1e-6)


@pytest.mark.parametrize("table", [{"colour": "rgb"}, {"geometry": "zoom"}, {"filter": "area"}])
def test_refuses_what_model_toml_has_not(table):
    with pytest.raises(ToolsError):
        Preprocessing.of_table(table)


def test_names_the_file_that_is_no_picture(tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(ToolsError, match="a.jpg cannot be read"):
        Preprocessing().tensor(tmp_path / "a.jpg")
