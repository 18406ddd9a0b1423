# SPDX-License-Identifier: Apache-2.0
"""Finds how a graph is quantized best; everything is chosen on the photos of the calibration."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import onnx

from holdfast_tools import bias_correction, calibration, equalization, quantization
from holdfast_tools.verification import scores

SENSITIVITY_PHOTOS = 16
# How many layers in float are tried. Each costs speed: with 16 of 50, the demo model has no gain left.
FLOAT_LAYERS = (0, 1, 2, 4)
# More layers in float must take at least this share of the error away.
WORTH_IT = 0.85

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Recipe:
    method: str = "auto"  # Of calibration.METHODS, or auto: the one with the least error.
    reduce_range: bool = True
    correct_bias: bool = True
    equalise: bool = False
    float_layers: int | None = None  # None: as many as are worth it.
    in_float: tuple[str, ...] = ()  # Layers that stay in float in any case.


@dataclasses.dataclass(frozen=True)
class Outcome:
    model: onnx.ModelProto
    method: str
    error: float
    in_float: tuple[str, ...]


class Search:
    """A float graph with what it was seen to do on the calibration's photos."""

    def __init__(self, model: onnx.ModelProto, tensors: Sequence[np.ndarray], recipe: Recipe,
                 say: Say) -> None:
        self._tensors, self._recipe, self._say = tensors, recipe, say
        self._model = quantization.prepared(model)
        self._layers = quantization.weighted_nodes(self._model)
        self._expected = scores(self._model, tensors)
        self._seen = calibration.observe(self._model, tensors)
        if recipe.equalise:
            self._model, pairs = equalization.equalised(self._model, self._seen)
            self._seen = calibration.observe(self._model, tensors)
            say(f"equalised {pairs} pairs of convolutions")

    def best(self) -> Outcome:
        method, ranges = self._ranges()
        base = tuple(self._recipe.in_float)
        model = self._quantized(ranges, base)
        best = Outcome(model, method, self._error(model), base)
        counts = FLOAT_LAYERS if self._recipe.float_layers is None else (self._recipe.float_layers,)
        if counts[-1] == 0:
            return best
        order = [layer for layer in self._by_sensitivity(ranges) if layer not in base]
        for count in counts:
            if count == 0:
                continue
            chosen = (*base, *order[:count])
            model = self._quantized(ranges, chosen)
            tried = Outcome(model, method, self._error(model), chosen)
            self._say(f"{count} layers in float: error {tried.error:.4f}")
            if self._recipe.float_layers is not None or tried.error < best.error * WORTH_IT:
                best = tried
        return best

    def _ranges(self) -> tuple[str, dict[str, calibration.Range]]:
        wanted = self._recipe.method
        methods = list(calibration.METHODS) if wanted == "auto" else [wanted]
        tried = []
        for method in methods:
            cut = calibration.METHODS[method]
            ranges = {name: cut(activation) for name, activation in self._seen.items()}
            error = self._error(self._quantized(ranges, self._recipe.in_float))
            self._say(f"{method}: error {error:.4f}")
            tried.append((error, method, ranges))
        _, method, ranges = min(tried, key=lambda entry: entry[0])
        return method, ranges

    def _quantized(self, ranges: dict[str, calibration.Range],
                   in_float: Sequence[str]) -> onnx.ModelProto:
        reduce_range = self._recipe.reduce_range
        int8 = quantization.quantized(self._model, ranges, reduce_range, in_float)
        if not self._recipe.correct_bias:
            return int8
        better = bias_correction.corrected(self._model, int8, self._seen)
        return quantization.quantized(better, ranges, reduce_range, in_float)

    def _error(self, model: onnx.ModelProto, photos: int | None = None) -> float:
        """Of the scores: root of the mean square, as a share of how far the right ones spread."""
        expected = self._expected[:photos]
        given = scores(model, self._tensors[:photos])
        return float(np.sqrt(np.mean((given - expected) ** 2)) / max(expected.std(), 1e-12))

    def _by_sensitivity(self, ranges: dict[str, calibration.Range]) -> list[str]:
        """The layers by the error of the network in which they alone are 8-bit, worst first."""
        errors = {}
        for layer in self._layers:
            others = [other for other in self._layers if other != layer]
            errors[layer] = self._error(self._quantized(ranges, others), SENSITIVITY_PHOTOS)
        order = sorted(errors, key=errors.__getitem__, reverse=True)
        for layer in order[:5]:
            self._say(f"{layer} alone in 8 bits: error {errors[layer]:.4f}")
        return order
