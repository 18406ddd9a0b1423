# SPDX-License-Identifier: Apache-2.0
"""timm's config.json: how pictures were prepared for the evaluation of a model."""

import json
import math
import pathlib

from holdfast_tools.errors import NO_INPUT, ToolsError
from holdfast_tools.preprocessing import FILTERS, IMAGENET_DEVIATION, IMAGENET_MEAN, Preprocessing

GEOMETRIES = {"center": "resize-then-crop", "squash": "stretch"}


def read(path: pathlib.Path) -> Preprocessing:
    if not path.is_file():
        raise ToolsError(f"there is no file {path}", NO_INPUT)
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        table = table.get("pretrained_cfg", table)
        _, height, width = table["input_size"]
        mode, interpolation = table.get("crop_mode", "center"), table["interpolation"]
        resize = math.floor(min(height, width) / table.get("crop_pct", 0.875))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolsError(f"{path} is not timm's config.json: it wants input_size and interpolation "
                         f"({error})") from error
    if mode not in GEOMETRIES or interpolation not in FILTERS:
        raise ToolsError(f"{path}: crop_mode '{mode}' with interpolation '{interpolation}' cannot be "
                         f"served; {', '.join(GEOMETRIES)} with {', '.join(FILTERS)} can")
    return Preprocessing(
        geometry=GEOMETRIES[mode], filter=interpolation, resize=resize, crop=(width, height),
        mean=tuple(table.get("mean", IMAGENET_MEAN)),
        deviation=tuple(table.get("std", IMAGENET_DEVIATION)))
