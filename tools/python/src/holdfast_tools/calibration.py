# SPDX-License-Identifier: Apache-2.0
"""The ranges that activations take on photos, and where to cut them for 8 bits."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import onnx
import onnxruntime

BINS = 2048
LEVELS = 255  # Steps of an unsigned byte.
PERCENTILE = 99.99
# How much of each side is kept, from all of it down; below, a network's answers are long wrong.
CUTS = np.linspace(1.0, 0.2, 81)

Range = tuple[float, float]


@dataclasses.dataclass
class Activation:
    """What a tensor of the graph was seen to be; lowest, highest and mean also by channel."""

    lowest: float
    highest: float
    channel_lowest: np.ndarray
    channel_highest: np.ndarray
    channel_mean: np.ndarray
    histogram: np.ndarray

    def edges(self) -> np.ndarray:
        return np.linspace(self.lowest, self.highest, BINS + 1)


def session(model: onnx.ModelProto, threads: int = 0) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options,
                                        providers=["CPUExecutionProvider"])


def activation_names(model: onnx.ModelProto) -> list[str]:
    """The input and what the nodes give, floats only."""
    inferred = onnx.shape_inference.infer_shapes(model)
    values = [*inferred.graph.value_info, *inferred.graph.output]
    floats = {value.name for value in values
              if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    constants = {weight.name for weight in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in constants]
    return inputs + [name for node in model.graph.node for name in node.output if name in floats]


def _channels(values: np.ndarray) -> np.ndarray:
    """One row a channel."""
    if values.ndim < 2:
        return values.reshape(1, -1)
    return np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)


def observe(model: onnx.ModelProto, tensors: Sequence[np.ndarray],
            names: Iterable[str] | None = None) -> dict[str, Activation]:
    """Runs the model on all tensors, twice: for the extremes, then for the histograms."""
    wanted = list(names or activation_names(model))
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    source = model.graph.input[0].name
    inner = [name for name in wanted if name != source]
    probe.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in inner)
    running = session(probe)

    def each_value() -> Iterable[tuple[str, np.ndarray]]:
        for tensor in tensors:
            yield source, tensor
            yield from zip(inner, running.run(inner, {source: tensor}))

    lowest: dict[str, np.ndarray] = {}
    highest: dict[str, np.ndarray] = {}
    means: dict[str, np.ndarray] = {}
    for name, value in each_value():
        rows = _channels(value)
        low, high, mean = rows.min(axis=1), rows.max(axis=1), rows.mean(axis=1, dtype=np.float64)
        lowest[name] = np.minimum(lowest.get(name, low), low)
        highest[name] = np.maximum(highest.get(name, high), high)
        means[name] = means.get(name, 0.0) + mean / len(tensors)
    # Zero is always representable: padding is zero.
    ends = {name: (min(float(lowest[name].min()), 0.0), max(float(highest[name].max()), 1e-6))
            for name in lowest}
    histograms = {name: np.zeros(BINS, np.int64) for name in lowest}
    for name, value in each_value():
        low, high = ends[name]
        bins = ((value.reshape(-1) - low) * (BINS / (high - low))).astype(np.int32)
        np.minimum(bins, BINS - 1, out=bins)
        histograms[name] += np.bincount(bins, minlength=BINS)
    return {name: Activation(*ends[name], lowest[name], highest[name], means[name],
                             histograms[name]) for name in lowest}


def extremes(seen: Activation) -> Range:
    return seen.lowest, seen.highest


def percentile(seen: Activation) -> Range:
    """Leaves out the same share of values on each side."""
    share = np.cumsum(seen.histogram) / seen.histogram.sum()
    left = (1.0 - PERCENTILE / 100.0) / 2.0
    edges = seen.edges()
    low = edges[np.searchsorted(share, left, side="right")]
    high = edges[min(int(np.searchsorted(share, 1.0 - left)) + 1, BINS)]
    return min(float(low), 0.0), max(float(high), 1e-6)


def _best_cut(seen: Activation, loss: Callable[[np.ndarray, np.ndarray, Range], float]) -> Range:
    edges = seen.edges()
    centres = (edges[:-1] + edges[1:]) / 2.0
    weights = seen.histogram / seen.histogram.sum()
    candidates = [(seen.lowest * cut, seen.highest * cut) for cut in CUTS]
    return min(candidates, key=lambda ends: loss(centres, weights, ends))


def _rounded(centres: np.ndarray, ends: Range) -> np.ndarray:
    low, high = ends
    step = (high - low) / LEVELS
    zero = np.round(-low / step)
    kept: np.ndarray = (np.clip(np.round(centres / step) + zero, 0, LEVELS) - zero) * step
    return kept


def _squared_error(centres: np.ndarray, weights: np.ndarray, ends: Range) -> float:
    return float(((_rounded(centres, ends) - centres) ** 2 @ weights))


def least_squares(seen: Activation) -> Range:
    """The cut with the least mean squared error of rounding and clipping together."""
    return _best_cut(seen, _squared_error)


def _divergence(centres: np.ndarray, weights: np.ndarray, ends: Range) -> float:
    """Kullback-Leibler, of the values as seen from the values as 8 bits keep them.

    What a level stands for is spread over the bins that are not empty in it, as TensorRT does it; what
    is clipped goes to the outermost bins. Zero is left out: 8 bits keep it exactly, and after a ReLU
    half of all values are zero.
    """
    low, high = ends
    weights = np.where(np.abs(centres) <= (centres[1] - centres[0]) / 2, 0.0, weights)
    inside = (centres >= low) & (centres <= high)
    kept = np.flatnonzero(inside)
    seen = weights[kept].copy()
    seen[0] += weights[:kept[0]].sum()
    seen[-1] += weights[kept[-1] + 1:].sum()
    raw = weights[kept]
    level = np.minimum((np.arange(len(kept)) * LEVELS) // len(kept), LEVELS - 1)
    mass = np.bincount(level, raw, LEVELS)
    filled = np.bincount(level, raw > 0, LEVELS)
    spread = np.where(raw > 0, (mass / np.maximum(filled, 1))[level], 0.0)
    if not spread.any():  # Nothing but zeros is kept.
        return np.inf
    spread /= spread.sum()
    both = seen > 0
    return float((seen[both] * np.log(seen[both] / np.maximum(spread[both], 1e-9))).sum())


def entropy(seen: Activation) -> Range:
    return _best_cut(seen, _divergence)


METHODS: dict[str, Callable[[Activation], Range]] = {
    "minmax": extremes,
    "percentile": percentile,
    "entropy": entropy,
    "mse": least_squares,
}
