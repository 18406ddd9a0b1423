# SPDX-License-Identifier: Apache-2.0
"""holdfast_tools: ranges, equalisation, bias correction and what is left in float, on small graphs."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from holdfast_tools import (bias_correction, calibration, equalization, onnx_graph, quantization,
                            recipe)
from holdfast_tools.calibration import Activation
from holdfast_tools.verification import scores

SIDE = 16


def network(seed=1, spread=1.0):
    """Stem, depthwise and projection with ReLU6 between, as EfficientNet-Lite has them."""
    generator = np.random.default_rng(seed)
    graph = onnx_graph.Graph()
    graph.constant("zero", 0.0)
    graph.constant("six", 6.0)

    def relu6(name):
        return graph.node("Clip", [name, "zero", "six"], f"{name}.relu6")

    sizes = np.geomspace(1.0, spread, 8)[:, None, None, None]
    x = relu6(graph.conv(onnx_graph.INPUT, "stem", generator.normal(0, 0.5, (8, 3, 3, 3)) * sizes,
                         generator.normal(0.2, 0.1, 8) * sizes.ravel(), stride=2, pads=(1,) * 4))
    x = relu6(graph.conv(x, "depthwise", generator.normal(0, 0.4, (8, 1, 3, 3)) / sizes,
                         generator.normal(0.2, 0.1, 8), pads=(1,) * 4, group=8))
    x = graph.conv(x, "project", generator.normal(0, 0.4, (6, 8, 1, 1)), np.zeros(6))
    graph.classifier(x, generator.normal(0, 1.0, (4, 6)), np.zeros(4))
    return quantization.prepared(graph.model("small", SIDE, 4))


def tensors(count=12, seed=2):
    generator = np.random.default_rng(seed)
    return list(generator.normal(size=(count, 1, 3, SIDE, SIDE)).astype(np.float32))


def error(model, int8, batch):
    return float(np.sqrt(np.mean((scores(model, batch) - scores(int8, batch)) ** 2)))


def ranges_of(seen, method="minmax"):
    return {name: calibration.METHODS[method](activation) for name, activation in seen.items()}


def seen_as(values):
    low, high = min(float(values.min()), 0.0), float(values.max())
    histogram, _ = np.histogram(values, calibration.BINS, (low, high))
    none = np.zeros(1)
    return Activation(low, high, none, none, none, histogram)


def test_observes_extremes_means_and_histograms_of_every_activation():
    model, batch = network(), tensors(3)
    seen = calibration.observe(model, batch)
    source = seen[onnx_graph.INPUT]
    whole = np.concatenate(batch)
    assert source.lowest == pytest.approx(whole.min()) and source.highest == pytest.approx(whole.max())
    np.testing.assert_allclose(source.channel_mean, whole.mean(axis=(0, 2, 3)), atol=1e-5)
    assert source.histogram.sum() == whole.size
    assert seen["stem.relu6"].lowest == 0.0 and seen["stem.relu6"].highest <= 6.0


@pytest.mark.parametrize("method", ["percentile", "entropy", "mse"])
def test_cuts_a_lonely_outlier_off_but_not_the_bulk(method):
    values = np.append(np.abs(np.random.default_rng(3).normal(size=200_000)), 40.0)
    low, high = calibration.METHODS[method](seen_as(values))
    assert low == 0.0 and 2.5 < high < 35.0


@pytest.mark.parametrize("method", calibration.METHODS)
def test_keeps_the_range_of_evenly_spread_values(method):
    low, high = calibration.METHODS[method](seen_as(np.linspace(-1.0, 3.0, 100_000)))
    assert -1.01 <= low < -0.95 and 2.85 < high <= 3.01


def test_a_spike_of_zeros_does_not_pull_the_entropys_cut_down():
    positive = np.random.default_rng(4).uniform(0.0, 6.0, 50_000)
    _, high = calibration.entropy(seen_as(np.append(positive, np.zeros(150_000))))
    assert high > 5.5


def test_quantizes_every_layer_with_a_scale_for_each_channel():
    model = network()
    int8 = quantization.quantized(model, ranges_of(calibration.observe(model, tensors())), True)
    weights = {weight.name: numpy_helper.to_array(weight) for weight in int8.graph.initializer}
    # A depthwise convolution does not saturate: its weights have all 8 bits.
    for layer, channels, largest in (("stem", 8, 64), ("depthwise", 8, 127), ("project", 6, 64)):
        rounded = weights[f"{layer}.weight_quantized"].astype(int)
        assert np.abs(rounded).max() == largest
        assert weights[f"{layer}.weight_scale"].shape == (channels,)
    assert error(model, int8, tensors(seed=9)) < 0.1 * scores(model, tensors(seed=9)).std()


def test_a_layer_left_in_float_stays_so_in_the_graph_that_runs(tmp_path):
    model = network()
    ranges = ranges_of(calibration.observe(model, tensors()))
    int8 = quantization.quantized(model, ranges, True, ["depthwise"])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "run.onnx")
    onnxruntime.InferenceSession(int8.SerializeToString(), options,
                                 providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "run.onnx").graph.node]
    assert kinds.count("QLinearConv") == 2
    assert kinds.count("Conv") + kinds.count("FusedConv") == 1


def test_bias_correction_takes_the_mean_error_away():
    model, batch = network(seed=5), tensors(24)
    seen = calibration.observe(model, batch)
    ranges = ranges_of(seen)
    plain = quantization.quantized(model, ranges, True)
    better = quantization.quantized(bias_correction.corrected(model, plain, seen), ranges, True)
    offset = [np.abs((scores(made, batch) - scores(model, batch)).mean(axis=0)).max()
              for made in (plain, better)]
    assert offset[1] < 0.6 * offset[0]


def test_equalisation_changes_nothing_in_float_and_evens_the_channels_out():
    model, batch = network(spread=0.02), tensors()
    seen = calibration.observe(model, batch)
    even, pairs = equalization.equalised(model, seen)
    assert pairs == 2
    np.testing.assert_allclose(scores(even, batch), scores(model, batch), atol=1e-4)

    def reach(observed):
        return np.ptp(np.log(observed["stem.relu6"].channel_highest))
    assert reach(calibration.observe(even, batch)) < 0.2 * reach(seen)


def test_the_search_takes_the_method_with_the_least_error_and_the_layers_that_it_is_told():
    said = []
    found = recipe.Search(network(), tensors(),
                          recipe.Recipe(float_layers=1, in_float=("project",)), said.append).best()
    errors = {line.split(":")[0]: float(line.split()[-1]) for line in said
              if line.split(":")[0] in calibration.METHODS}
    assert set(errors) == set(calibration.METHODS)
    assert errors[found.method] == min(errors.values())
    assert len(found.in_float) == 2 and "project" in found.in_float


@pytest.mark.parametrize(("flags", "expected"), [
    ("flags: fpu avx2 fma", True), ("flags: avx2 avx_vnni", False),
    ("flags: avx512f avx512_vnni amx_int8", False)])
def test_knows_which_cpu_saturates(flags, expected):
    assert quantization.saturates(flags) == expected
