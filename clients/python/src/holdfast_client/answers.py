# SPDX-License-Identifier: Apache-2.0
"""What the server answers, as values."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Prediction:
    """One class: its name, its index in the model's output, and its probability (0 … 1)."""

    label: str
    index: int
    probability: float


@dataclasses.dataclass(frozen=True)
class Classification:
    """The most probable classes of one image, the best first.

    `attempts`: workers that began it; more than one means that it was rescued.
    """

    predictions: tuple[Prediction, ...]
    model: str
    version: str
    request_id: str
    attempts: int

    @property
    def best(self) -> Prediction:
        return self.predictions[0]


@dataclasses.dataclass(frozen=True)
class ModelVersion:
    """A version of a model and its state, as TensorFlow Serving names it ("AVAILABLE")."""

    version: str
    state: str
    error: str
