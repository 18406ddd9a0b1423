# SPDX-License-Identifier: Apache-2.0
"""`holdfast-tools verify`, and the end of the other commands: show the comparison, refuse a loss."""

import argparse
import dataclasses
import json
import pathlib
import sys

from holdfast_tools import classifier_file, photos, servable, verification
from holdfast_tools.errors import REFUSED, ToolsError
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


def run(arguments: argparse.Namespace) -> int:
    candidate = source(arguments.candidate, arguments)
    original = source(arguments.against, arguments)
    shown = photos.read(arguments.photos, original.label_names())
    models = [classifier_file.load(model.file) for model in (original, candidate)]
    answers, tensors = [], []
    for model, graph in zip((original, candidate), models):
        tensors = [model.preprocessing.tensor(photo.path) for photo in shown]
        answers.append(verification.probabilities(verification.scores(graph, tensors),
                                                  model.output or "logits"))
    if answers[0].shape != answers[1].shape:
        raise ToolsError(f"{answers[0].shape[1]} classes against {answers[1].shape[1]}: these are "
                         "not the same model")
    same_input = original.preprocessing.crop == candidate.preprocessing.crop
    speed = verification.speed_side_by_side(*models, tensors) if same_input else None
    report = verification.report(shown, *answers, speed)
    return 0 if conclude(report, arguments, "original", "candidate") else REFUSED
