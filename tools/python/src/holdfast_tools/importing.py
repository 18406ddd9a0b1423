# SPDX-License-Identifier: Apache-2.0
"""`holdfast-tools import`: a checkpoint, an ONNX file or a SavedModel becomes a servable model."""

import argparse
import dataclasses
import hashlib
import pathlib
import tempfile
from collections.abc import Sequence

import numpy as np
import onnx

from holdfast_tools import classifier_file, onnx_graph, packing, photos, resnet, servable
from holdfast_tools import timm_config, verification
from holdfast_tools.errors import NO_INPUT, REFUSED, USAGE, ToolsError
from holdfast_tools.photos import Photo
from holdfast_tools.preprocessing import Preprocessing
from holdfast_tools.servable import Servable
from holdfast_tools.state_dict import read_state_dict
from holdfast_tools.verify import conclude, say

CHECKPOINTS = (".pth", ".pt", ".bin", ".tar")
SAVED_MODEL = "saved_model.pb"
GOLDEN_PHOTOS = 3
GOLDEN_PROBABILITY = 0.5  # Far enough from a doubt.


@dataclasses.dataclass(frozen=True)
class Imported:
    model: Servable
    original: onnx.ModelProto | None  # What is verified against; None: the files themselves.


def run(arguments: argparse.Namespace) -> int:
    imported = _read(arguments)
    if arguments.photos is None:
        say("not verified: --photos DIR compares the answers with the original's")
    elif arguments.pack is None:
        raise ToolsError("--photos needs --pack: what the server answers is compared", USAGE)
    model = imported.model
    if arguments.pack is None:
        packing.finish(model, arguments, arguments.golden)
        return 0
    program = packing.found_holdfast(arguments.holdfast)
    golden = list(arguments.golden)
    if arguments.photos:
        accepted, found = _verified(imported, program, arguments)
        if not accepted:
            return REFUSED
        golden = golden or [f"{path}={number}" for path, number in found]
    packing.finish(model, arguments, golden)
    return 0


def _preprocessing(arguments: argparse.Namespace, side: tuple[int, int] | None) -> Preprocessing:
    if arguments.config:
        return timm_config.read(arguments.config)
    if arguments.preset is None:
        say("no --preset: pictures are prepared as torchvision does it; most other trainings differ")
    made = servable.preset(arguments.preset or "torchvision", arguments.preprocessing)
    if side and not any(change.startswith("crop=") for change in arguments.preprocessing):
        made = dataclasses.replace(made, crop=side)
        if not any(change.startswith("resize=") for change in arguments.preprocessing):
            ratio = servable.preset(arguments.preset or "torchvision").resize / 224
            made = dataclasses.replace(made, resize=round(min(side) * ratio))
    return made


def _read(arguments: argparse.Namespace) -> Imported:
    path: pathlib.Path = arguments.source
    if (path / SAVED_MODEL).is_file() or path.name == SAVED_MODEL:
        return _saved_model(path if path.is_file() else path / SAVED_MODEL, arguments)
    if path.is_dir():
        raise ToolsError(f"{path} is a folder without a {SAVED_MODEL}; a Keras file is exported with "
                         "model.export(FOLDER)", NO_INPUT)
    if not path.is_file():
        raise ToolsError(f"there is no file {path}", NO_INPUT)
    if path.suffix in CHECKPOINTS:
        weights = read_state_dict(path)
        graph = resnet.from_state_dict(weights, arguments.size)
        original = resnet.from_state_dict(weights, arguments.size, folded=False)
        say(f"{graph.graph.name} of torchvision, {len(weights['fc.bias'])} classes")
        target = _written(graph, arguments)
    else:
        original = graph = classifier_file.load(path)
        target = _written(graph, arguments) if arguments.output else path
    source, scores = classifier_file.ports(graph)
    nhwc = source.shape[3] in (1, 3) and source.shape[1] not in (1, 3)
    height, width = source.shape[1:3] if nhwc else source.shape[2:4]
    preprocessing = dataclasses.replace(_preprocessing(arguments, (width, height)),
                                        layout="nhwc" if nhwc else "nchw")
    model = Servable(target, preprocessing, labels=_labels(arguments, scores.shape[1]),
                     description=f"imported from {path.name}")
    return Imported(model, original)


def _written(graph: onnx.ModelProto, arguments: argparse.Namespace) -> pathlib.Path:
    if arguments.output is None:
        raise ToolsError("a checkpoint needs --output FILE.onnx", USAGE)
    onnx_graph.write(graph, arguments.output)
    target: pathlib.Path = arguments.output
    return target


def _labels(arguments: argparse.Namespace, classes: int) -> pathlib.Path | None:
    labels: pathlib.Path | None = arguments.labels
    if labels is not None:
        if not labels.is_file():
            raise ToolsError(f"there is no file {labels}", NO_INPUT)
        count = len(labels.read_text(encoding="utf-8").splitlines())
        if count != classes:
            raise ToolsError(f"{labels} has {count} names, the model {classes} classes")
    return labels


def _saved_model(path: pathlib.Path, arguments: argparse.Namespace) -> Imported:
    if arguments.output:
        raise ToolsError("a SavedModel is served as it is: --pack instead of --output", USAGE)
    name = path.resolve().parent.name
    arguments.name = arguments.name or name
    preprocessing = dataclasses.replace(_preprocessing(arguments, None), layout="nhwc")
    model = Servable(path, preprocessing, labels=arguments.labels,
                     description=f"imported from {name}")
    return Imported(model, None)


def _verified(imported: Imported, program: str,
              arguments: argparse.Namespace) -> tuple[bool, list[tuple[pathlib.Path, int]]]:
    """Packs into a scratch folder and asks that; also the photos that can be golden examples."""
    model = imported.model
    shown = photos.read(arguments.photos, model.label_names())
    with tempfile.TemporaryDirectory() as scratch:
        packing.run(program, packing.pack_arguments(model, pathlib.Path(scratch), "model", 1))
        folder = pathlib.Path(scratch, "model", "1")
        packed = servable.read(folder)
        if imported.original is None:
            _require_same_files(model.file.parent, folder)
            served = packing.served_predictions(program, folder, shown, top=1)
            classes = 1 + max(found[0]["index"] for found in served)
            answers = packing.as_rows(served, classes)
            expected = answers
        else:
            tensors = [packed.preprocessing.tensor(photo.path) for photo in shown]
            expected = verification.probabilities(
                verification.scores(imported.original, tensors), packed.output or "logits")
            answers = packing.as_rows(
                packing.served_predictions(program, folder, shown, top=expected.shape[1]),
                expected.shape[1])
    report = verification.report(shown, expected, answers)
    accepted = conclude(report, arguments, "original", "served")
    return accepted, _golden(shown, expected, answers)


def _golden(shown: Sequence[Photo], expected: np.ndarray,
            answers: np.ndarray) -> list[tuple[pathlib.Path, int]]:
    """The surest photos on which both agree, and the truth where it is known."""
    first = expected.argmax(axis=1)
    sure = [(float(expected[row, number]), row) for row, number in enumerate(first)
            if number == answers[row].argmax() and shown[row].truth in (None, number)
            and expected[row, number] >= GOLDEN_PROBABILITY]
    return [(shown[row].path, int(first[row])) for _, row in sorted(sure, reverse=True)[:GOLDEN_PHOTOS]]


def _require_same_files(original: pathlib.Path, packed: pathlib.Path) -> None:
    """The original of a SavedModel is what is served, bit by bit."""
    files = [path for part in (SAVED_MODEL, "variables") for path in
             ([original / part] if (original / part).is_file() else (original / part).rglob("*"))]
    for path in files:
        copy = packed / path.relative_to(original)
        if path.is_file() and (not copy.is_file() or _digest(copy) != _digest(path)):
            raise ToolsError(f"{path} was not packed as it is")
    say(f"{len(files)} files of the SavedModel are served as they are: SHA-256 compared")


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
