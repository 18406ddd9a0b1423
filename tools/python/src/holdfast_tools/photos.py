# SPDX-License-Identifier: Apache-2.0
"""The user's photos, and the classes that they show where that is known."""

import csv
import dataclasses
import pathlib
from collections.abc import Sequence

from holdfast_tools.errors import NO_INPUT, REFUSED, ToolsError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
TRUTH_FILE = "labels.tsv"


@dataclasses.dataclass(frozen=True)
class Photo:
    path: pathlib.Path
    truth: int | None = None  # The class that it shows.


def read(folder: pathlib.Path, labels: Sequence[str] = ()) -> list[Photo]:
    """All photos below the folder, in the order of their names.

    What they show is said by labels.tsv (file, class), else by the name of the folder they lie in,
    where that is a label or the number of a class.
    """
    if not folder.is_dir():
        raise ToolsError(f"there is no folder {folder}", NO_INPUT)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ToolsError(f"no photos in {folder}: it wants {', '.join(SUFFIXES)}", NO_INPUT)
    table = folder / TRUTH_FILE
    if table.is_file():
        truths = _read_table(table, labels)
        return [Photo(path, truths.get(path.relative_to(folder).as_posix())) for path in paths]
    return [Photo(path, _class_of(path.parent.name, labels) if path.parent != folder else None)
            for path in paths]


def halves(photos: Sequence[Photo], fold: int) -> tuple[list[Photo], list[Photo]]:
    """Every second photo to calibrate with, and the others; fold 2 exchanges the two."""
    first, second = list(photos[0::2]), list(photos[1::2])
    if not second:
        raise ToolsError("one photo can not both calibrate and verify: give more", REFUSED)
    return (first, second) if fold == 1 else (second, first)


def _class_of(word: str, labels: Sequence[str]) -> int | None:
    if word in labels:
        return labels.index(word)
    return int(word) if word.isdecimal() else None


def _read_table(path: pathlib.Path, labels: Sequence[str]) -> dict[str, int]:
    truths = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t"), 1):
            if number == 1 and row == ["file", "class"] or not row:
                continue
            truth = _class_of(row[1], labels) if len(row) == 2 else None
            if truth is None:
                raise ToolsError(f"{path}:{number}: want a file, a tab and a class, by number or "
                                 "label", REFUSED)
            truths[row[0]] = truth
    return truths
