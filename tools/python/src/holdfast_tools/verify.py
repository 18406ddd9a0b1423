# SPDX-License-Identifier: Apache-2.0
"""`holdfast-tools verify`, and the end of the other commands: show the comparison, refuse a loss."""

import argparse
import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence

import numpy as np
import onnx

from holdfast_tools import classifier_file, photos, servable, verification
from holdfast_tools.errors import REFUSED, ToolsError
from holdfast_tools.photos import Photo
from holdfast_tools.servable import Servable
from holdfast_tools.verification import Limits, Report


def say(text: str) -> None:
    """Progress goes to stderr: stdout is for the result."""
    print(f"  {text}", file=sys.stderr, flush=True)


def source(path: pathlib.Path, arguments: argparse.Namespace) -> Servable:
    """The model that a command is given, with what the options say about it."""
    wanted = servable.preset(arguments.preset, arguments.preprocessing) if arguments.preset else None
    model = servable.read(path, wanted)
    labels = getattr(arguments, "labels", None)
    return dataclasses.replace(model, labels=labels) if labels else model


def conclude(report: Report, arguments: argparse.Namespace, original: str, candidate: str,
             more: dict[str, object] | None = None) -> bool:
    """Prints the comparison. False where the loss is greater than allowed and not accepted."""
    objections = report.objections(Limits(arguments.max_loss, arguments.max_disagreement))
    accepted = not objections or arguments.accept
    if arguments.json:
        print(json.dumps(report.as_json() | {"objections": objections, "accepted": accepted}
                         | (more or {})))
    else:
        print(report.table(original, candidate))
    for objection in objections:
        print(f"holdfast-tools: {objection}", file=sys.stderr)
    if not accepted:
        print("holdfast-tools: refused; --accept takes it all the same", file=sys.stderr)
    return accepted


def _answers(model: Servable, shown: Sequence[Photo]) -> tuple[np.ndarray, onnx.ModelProto]:
    graph = classifier_file.load(model.file)
    tensors = [model.preprocessing.tensor(photo.path) for photo in shown]
    answered = verification.scores(graph, tensors)
    return verification.probabilities(answered, model.output or "logits"), graph


def run(arguments: argparse.Namespace) -> int:
    original = source(arguments.against, arguments)
    if arguments.candidate.is_file() and not arguments.preset:
        candidate = dataclasses.replace(original, file=arguments.candidate)
    else:
        candidate = source(arguments.candidate, arguments)
    shown = photos.read(arguments.photos, original.label_names())
    expected, first = _answers(original, shown)
    answers, second = _answers(candidate, shown)
    if expected.shape != answers.shape:
        raise ToolsError(f"{expected.shape[1]} classes against {answers.shape[1]}: these are not "
                         "the same model")
    speed = None
    if original.preprocessing == candidate.preprocessing:
        tensors = [original.preprocessing.tensor(photo.path) for photo in shown]
        speed = verification.speed_side_by_side(first, second, tensors)
    report = verification.report(shown, expected, answers, speed)
    return 0 if conclude(report, arguments, "original", "candidate") else REFUSED
