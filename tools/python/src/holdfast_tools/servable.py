# SPDX-License-Identifier: Apache-2.0
"""A classifier with what it takes to ask it: a servable folder, or an ONNX file and a preset."""

import dataclasses
import pathlib
import tomllib
from collections.abc import Sequence
from typing import Any

from holdfast_tools.errors import NO_INPUT, WRONG_MODEL, ToolsError
from holdfast_tools.preprocessing import Preprocessing

PRESETS: dict[str, dict[str, Any]] = {  # As `holdfast pack` has them.
    "torchvision": {},
    "torchvision-v2": {"resize": 232},
    "efficientnet-lite": {"geometry": "crop-then-resize", "filter": "bicubic", "scale": 1,
                          "mean": [127, 127, 127], "deviation": [128, 128, 128]},
    "keras-caffe": {"geometry": "stretch", "order": "bgr", "layout": "nhwc", "scale": 1,
                    "mean": [103.939, 116.779, 123.68], "deviation": [1, 1, 1]},
    "unit": {"geometry": "stretch", "mean": [0, 0, 0], "deviation": [1, 1, 1]},
}


@dataclasses.dataclass(frozen=True)
class Servable:
    file: pathlib.Path  # The graph.
    preprocessing: Preprocessing
    output: str | None = None  # logits or probabilities; None: not yet found out.
    labels: pathlib.Path | None = None
    golden: tuple[tuple[pathlib.Path, int], ...] = ()
    description: str = ""

    def label_names(self) -> list[str]:
        return self.labels.read_text(encoding="utf-8").splitlines() if self.labels else []


def preset(name: str, changes: Sequence[str] = ()) -> Preprocessing:
    """`changes`: KEY=VALUE, as `holdfast pack --preprocessing` takes them."""
    table = dict(PRESETS[name])
    for change in changes:
        key, separator, text = change.partition("=")
        if not separator:
            raise ToolsError(f"--preprocessing {change}: want KEY=VALUE", 64)
        table[key] = _value(text)
    return Preprocessing.of_table(table)


def _value(text: str) -> Any:
    try:
        # A list where there are commas: "260,260" as model.toml's [260, 260].
        return tomllib.loads(f"x = [{text}]" if "," in text else f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def read(path: pathlib.Path, preprocessing: Preprocessing | None = None) -> Servable:
    """A folder NAME/VERSION/ as its model.toml says; a file with `preprocessing`."""
    if path.is_file():
        if preprocessing is None:
            raise ToolsError(f"{path} does not say how pictures are prepared: give --preset, or the "
                             "folder of a packed model", 64)
        return Servable(path, preprocessing)
    manifest = path / "model.toml"
    if not manifest.is_file():
        raise ToolsError(f"{path} is neither an ONNX file nor a folder with a model.toml; "
                         "holdfast pack makes one", NO_INPUT)
    try:
        table = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolsError(f"{manifest}: {error}", WRONG_MODEL) from error
    return Servable(
        file=path / table.get("file", "model.onnx"),
        preprocessing=Preprocessing.of_table(table.get("preprocessing", {})),
        output=table.get("output", "logits"),
        labels=path / table["labels"] if "labels" in table else None,
        golden=tuple((path / entry["file"], entry["class"]) for entry in table.get("golden", ())),
        description=table.get("description", ""),
    )
