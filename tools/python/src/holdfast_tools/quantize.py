# SPDX-License-Identifier: Apache-2.0
"""`holdfast-tools quantize`."""

import argparse
import dataclasses
import time
from collections.abc import Callable

from holdfast_tools import (classifier_file, onnx_graph, packing, photos, quantization,
                            verification)
from holdfast_tools.errors import REFUSED, ToolsError
from holdfast_tools.recipe import Outcome, Recipe, Search
from holdfast_tools.verify import conclude, say, source

REDUCE_RANGE: dict[str, Callable[[], bool]] = {
    "auto": quantization.saturates, "yes": lambda: True, "no": lambda: False}


def run(arguments: argparse.Namespace) -> int:
    begun = time.monotonic()
    model = source(arguments.source, arguments)
    graph = classifier_file.load(model.file)
    if any(node.op_type in ("QuantizeLinear", "QLinearConv") for node in graph.graph.node):
        raise ToolsError(f"{model.file} is quantized already: give the float model")
    given = photos.read(arguments.photos, model.label_names())
    if arguments.verify_photos:
        calibrating = given
        verifying = photos.read(arguments.verify_photos, model.label_names())
    else:
        calibrating, verifying = photos.halves(given, arguments.fold)
    recipe = Recipe(
        method=arguments.method, reduce_range=REDUCE_RANGE[arguments.reduce_range](),
        correct_bias=not arguments.no_bias_correction, equalise=arguments.equalise,
        float_layers=arguments.float_layers, in_float=tuple(arguments.in_float))
    say(f"{len(calibrating)} photos calibrate, {len(verifying)} verify; weights in "
        f"{7 if recipe.reduce_range else 8} bits")
    found = Search(graph, [model.preprocessing.tensor(photo.path) for photo in calibrating], recipe,
                   say).best()
    say(f"taken: {found.method}, {len(found.in_float)} layers in float: "
        f"{', '.join(found.in_float) or 'none'}; {time.monotonic() - begun:.0f} s")
    tensors = [model.preprocessing.tensor(photo.path) for photo in verifying]
    output = model.output or "logits"
    report = verification.report(
        verifying,
        verification.probabilities(verification.scores(graph, tensors), output),
        verification.probabilities(verification.scores(found.model, tensors), output),
        verification.speed_side_by_side(graph, found.model, tensors))
    accepted = conclude(report, arguments, "original", "int8", {
        "method": found.method, "in_float": list(found.in_float),
        "reduce_range": recipe.reduce_range})
    if not accepted:
        return REFUSED
    onnx_graph.write(found.model, arguments.output)
    description = _description(model.description, found, recipe, len(calibrating))
    made = dataclasses.replace(model, file=arguments.output, description=description)
    packing.finish(made, arguments, arguments.golden)
    return 0


def _description(before: str, found: Outcome, recipe: Recipe, photos_count: int) -> str:
    floats = f", {len(found.in_float)} layers in float" if found.in_float else ""
    bits = ", 7-bit weights" if recipe.reduce_range else ""
    text = f"int8 (QDQ{bits}{floats}), {found.method} on {photos_count} photos"
    return f"{before}; {text}" if before else text
