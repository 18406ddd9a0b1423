# SPDX-License-Identifier: Apache-2.0
"""Holds a converted classifier against its original: the same answers, as right, and how fast."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import onnx

from holdfast_tools.calibration import session
from holdfast_tools.photos import Photo

SPEED_PHOTOS = 16
WARM_UP_RUNS = 2

Answers = np.ndarray  # Probabilities, one row a photo.


@dataclasses.dataclass(frozen=True)
class Limits:
    loss_points: float = 0.5  # Of accuracy, in percent of the photos.
    disagreement_percent: float = 2.0


@dataclasses.dataclass(frozen=True)
class Report:
    photos: int
    agreement_percent: float
    score_difference: float  # Mean of the greatest difference of a class's probability.
    labelled: int
    original_accuracy_percent: float | None
    accuracy_percent: float | None
    original_ms: float | None
    ms: float | None

    @property
    def loss_points(self) -> float | None:
        if self.original_accuracy_percent is None or self.accuracy_percent is None:
            return None
        return self.original_accuracy_percent - self.accuracy_percent

    def objections(self, limits: Limits) -> list[str]:
        found = []
        if self.loss_points is not None and self.loss_points > limits.loss_points + 1e-9:
            found.append(f"{self.loss_points:.2f} points of accuracy are lost, "
                         f"{limits.loss_points:g} are allowed; one photo of {self.labelled} is "
                         f"{100.0 / self.labelled:.2f}")
        disagreement = 100.0 - self.agreement_percent
        if disagreement > limits.disagreement_percent + 1e-9:
            found.append(f"{disagreement:.2f} % of the photos get another class, "
                         f"{limits.disagreement_percent:g} % are allowed")
        return found

    def table(self, original: str, candidate: str) -> str:
        rows = [("", original, candidate),
                ("photos", str(self.photos), str(self.photos)),
                ("same first class", "", f"{self.agreement_percent:.2f} %"),
                ("mean score difference", "", f"{self.score_difference:.4f}")]
        if self.original_accuracy_percent is not None and self.accuracy_percent is not None:
            rows.append((f"right, of {self.labelled}", f"{self.original_accuracy_percent:.2f} %",
                         f"{self.accuracy_percent:.2f} %"))
        if self.original_ms is not None and self.ms is not None:
            rows.append(("ms an image, one thread", f"{self.original_ms:.1f}", f"{self.ms:.1f}"))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(f"  {row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}"
                         for row in rows)

    def as_json(self) -> dict[str, float | int | None]:
        return dataclasses.asdict(self) | {"loss_points": self.loss_points}


def probabilities(scores: np.ndarray, output: str) -> Answers:
    if output == "probabilities":
        return scores
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
    return shares


def scores(model: onnx.ModelProto, tensors: Sequence[np.ndarray]) -> np.ndarray:
    running = session(model)
    source = running.get_inputs()[0].name
    return np.concatenate([running.run(None, {source: tensor})[0].reshape(1, -1)
                           for tensor in tensors])


def report(photos: Sequence[Photo], original: Answers, candidate: Answers,
           speed: tuple[float, float] | None = None) -> Report:
    first, second = original.argmax(axis=1), candidate.argmax(axis=1)
    known = [index for index, photo in enumerate(photos) if photo.truth is not None]
    truths = [photos[index].truth for index in known]

    def right(classes: np.ndarray) -> float | None:
        return float(np.mean(classes[known] == truths) * 100.0) if known else None

    return Report(
        photos=len(photos),
        agreement_percent=float(np.mean(first == second) * 100.0),
        score_difference=float(np.abs(original - candidate).max(axis=1).mean()),
        labelled=len(known),
        original_accuracy_percent=right(first),
        accuracy_percent=right(second),
        original_ms=speed[0] if speed else None,
        ms=speed[1] if speed else None,
    )


def speed_side_by_side(original: onnx.ModelProto, candidate: onnx.ModelProto,
                       tensors: Sequence[np.ndarray],
                       now: Callable[[], float] = time.perf_counter) -> tuple[float, float]:
    """Median milliseconds of each, photo by photo in turn, so that both meet the same machine."""
    running = [session(model, threads=1) for model in (original, candidate)]
    times: tuple[list[float], list[float]] = ([], [])
    chosen = [tensors[index % len(tensors)] for index in range(SPEED_PHOTOS + WARM_UP_RUNS)]
    for run, tensor in enumerate(chosen):
        for each, taken in zip(running, times):
            begun = now()
            each.run(None, {each.get_inputs()[0].name: tensor})
            if run >= WARM_UP_RUNS:
                taken.append((now() - begun) * 1000.0)
    return statistics.median(times[0]), statistics.median(times[1])
