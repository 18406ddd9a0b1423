# SPDX-License-Identifier: Apache-2.0
"""Calls `holdfast pack`, which alone writes servable folders, and `holdfast classify`."""

import argparse
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from holdfast_tools.errors import REFUSED, UNAVAILABLE, ToolsError
from holdfast_tools.photos import Photo
from holdfast_tools.servable import Servable

PHOTOS_A_CALL = 100
TOP_MAX = 1000  # Of `holdfast classify --top`.


def found_holdfast(given: str | None) -> str:
    wanted = given or "holdfast"
    program = shutil.which(wanted)
    if program is None:
        raise ToolsError(f"there is no program {wanted}: give --holdfast PATH", UNAVAILABLE)
    return program


def pack_arguments(model: Servable, repository: pathlib.Path, name: str,
                   version: int | None = None, golden: Sequence[str] = (),
                   force: bool = False) -> list[str]:
    """`golden`: PHOTO[=CLASS], beside those that the model has."""
    words = ["pack", str(model.file), "--repository", str(repository), "--name", name]
    for assignment in model.preprocessing.assignments():
        words += ["--preprocessing", assignment]
    if version is not None:
        words += ["--version", str(version)]
    if model.labels:
        words += ["--labels", str(model.labels)]
    if model.output:
        words += ["--output", model.output]
    for example in (*(f"{photo}={number}" for photo, number in model.golden), *golden):
        words += ["--golden", example]
    if model.description:
        words += ["--description", model.description]
    return [*words, "--force"] if force else words


def run(program: str, arguments: Sequence[str]) -> str:
    """What it printed; what it complained about becomes the error."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        text = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ToolsError(f"{arguments[0]} failed: {text.removeprefix('holdfast: ')}",
                         max(done.returncode, 1))
    return done.stdout


def served_predictions(program: str, folder: pathlib.Path, photos: Sequence[Photo],
                       top: int) -> list[list[dict[str, Any]]]:
    """What a worker's own code answers, for each photo the best classes first."""
    found = []
    for begin in range(0, len(photos), PHOTOS_A_CALL):
        batch = photos[begin:begin + PHOTOS_A_CALL]
        words = ["classify", "--json", "--model", str(folder), "--top", str(min(top, TOP_MAX))]
        lines = run(program, [*words, *(str(photo.path) for photo in batch)]).splitlines()
        if len(lines) != len(batch):
            raise ToolsError(f"classify answered {len(lines)} of {len(batch)} photos", REFUSED)
        found += [json.loads(line)["predictions"] for line in lines]
    return found


def as_rows(predictions: Sequence[list[dict[str, Any]]], classes: int) -> np.ndarray:
    """Probabilities by class, one row a photo."""
    rows = np.zeros((len(predictions), classes))
    for row, found in zip(rows, predictions):
        for prediction in found:
            row[prediction["index"]] = prediction["probability"]
    return rows


def finish(model: Servable, arguments: argparse.Namespace, golden: Sequence[str] = ()) -> None:
    """Packs the model where that is asked for; says how it is done where not."""
    words = pack_arguments(model, arguments.pack or pathlib.Path("REPOSITORY"),
                           arguments.name or model.file.stem, arguments.version, golden,
                           arguments.force)
    if arguments.pack:
        print(run(found_holdfast(arguments.holdfast), words).strip(), file=sys.stderr)
    else:
        print(f"  to serve it: {shlex.join(['holdfast', *words])}", file=sys.stderr)
