# SPDX-License-Identifier: Apache-2.0
"""Numbers so small that many processors need a hundred times as long for each."""

import time

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from tests.process.fake_rules import GOOD
from tests.process.gray import gray

SIDE, CHANNELS, LAYERS = 64, 24, 5
CLASSES = 10
SMALL, NORMAL = 1e-41, 1e-3  # Of the activations; below 1.2e-38 a float is denormal.
FLUSHED, KEPT = 4, 7  # The class where denormals count as zero, and where they are kept.


def model(scale):
    """Convolutions over activations of this size. Their mean decides the class, made large again:
    what was flushed to zero on the way stays zero."""
    nodes, weights, values = [], [], "input"

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(name, array):
        weights.append(numpy_helper.from_array(numpy.asarray(array, numpy.float32), name))
        return name
    for layer in range(LAYERS):
        inputs = CHANNELS if layer else 3
        kernel = numpy.full((CHANNELS, inputs, 3, 3), (1 if layer else scale) / (9 * inputs))
        values = node("Conv", [values, weight(f"w{layer}", kernel)], f"a{layer}",
                      pads=[1, 1, 1, 1])
    values = node("Flatten", [node("GlobalAveragePool", [values], "pooled")], "mean")
    # Two steps: no float is as large as the inverse of a denormal one.
    for step in range(2):
        factor = weight(f"f{step}", (100 * 1 / scale) ** 0.5)
        values = node("Mul", [values, factor], f"larger{step}")
    spread = numpy.zeros((CHANNELS, CLASSES))
    spread[:, KEPT] = 1 / CHANNELS
    values = node("MatMul", [values, weight("spread", spread)], "scores")
    otherwise = numpy.zeros(CLASSES)
    otherwise[FLUSHED] = 5
    node("Add", [values, weight("otherwise", otherwise)], "logits")
    graph = helper.make_graph(
        nodes, "convolutions",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", CLASSES])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def class_without_server(content):
    """As the engine's defaults have it: denormals are kept."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content.SerializeToString(), options)
    picture = numpy.full((1, 3, SIDE, SIDE), 0.5, numpy.float32)
    return int(session.run(None, {"input": picture})[0].argmax())


def repository(folder, content):
    """A folder with this model alone."""
    version = folder / "convolutions/1"
    version.mkdir(parents=True)
    onnx.save(content, version / "model.onnx")
    (version / "model.toml").write_text(
        'file = "model.onnx"\noutput = "logits"\n[preprocessing]\ngeometry = "stretch"\n'
        f"crop = [{SIDE}, {SIDE}]\nmean = [0, 0, 0]\ndeviation = [1, 1, 1]\n")
    return folder


def test_f32_a_model_of_denormal_numbers_is_as_fast_as_another(fault, serve, tmp_path):
    """Whether they are flushed decides its class, too: not every processor is slow with them."""
    small, normal = model(SMALL), model(NORMAL)
    assert class_without_server(small) == class_without_server(normal) == KEPT
    picture = gray(GOOD, size=SIDE)
    with serve("--workers", "1", models=repository(tmp_path / "small", small),
               golden=(picture, FLUSHED)) as denormal_server, \
            serve("--workers", "1", models=repository(tmp_path / "normal", normal),
                  golden=(picture, KEPT)) as normal_server:
        latencies = {denormal_server: [], normal_server: []}
        # In turn, so that whatever else the machine does is there for both.
        for _ in range(fault.pick(150, 3000)):
            for server, label in ((denormal_server, FLUSHED), (normal_server, KEPT)):
                start = time.monotonic()
                fault.ask(server, picture, label)
                latencies[server].append(time.monotonic() - start)
            fault.inject("run of a denormal model")
        denormal, other = (sorted(times)[len(times) // 2] * 1000 for times in latencies.values())
        fault.note(f"median {denormal:.1f} ms, {other:.1f} ms with normal numbers")
        assert denormal <= 1.2 * other
        assert denormal_server.metric("holdfast_worker_exits_total") == 0
        assert denormal_server.metric("holdfast_refused_total") == 0
