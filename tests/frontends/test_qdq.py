"""QDQ networks: every operator between DequantizeLinear and QuantizeLinear is one of 8-bit numbers
that gives onnxruntime's fused integers, to the bit.

CI runs a tenth of the random networks, `-m slow` all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import lowtide
import qlinear
from commands import Command
from lowtide.check.by_definition import by_definition
from lowtide.check.difference import compare
from lowtide.check.truth import expect
from lowtide.clock import Clock, quiet
from lowtide.errors import UnsupportedModel
from lowtide.frontends.onnx.eight.group import group
from lowtide.frontends.onnx.freeze import freeze
from lowtide.frontends.onnx.load import load
from lowtide.ir.graph import Graph
from lowtide.pipeline.read import read as read_network
from programs import STREAM, judge_model, judge_plan, streamed_model
from qdq import ONE, Drawn, fused, quantised, with_numbers, without_ends

SHARED = Path(__file__).parents[3] / "shared" / "models" / "qdq"
SEEDS, HERE = 300, 20
A_STEP = frozenset({"ConvTranspose", "ReduceMean", "Requantise"})
"""A step apart at most: what onnxruntime does not compute in integers, and two QuantizeLinear one
behind the other, of which it makes one of another scale."""


def read(model: onnx.ModelProto | Path) -> Graph:
    return group(freeze(load(model, eight=True)))


EXAMPLE = Path(__file__).parents[2] / "examples" / "resnet8_cifar10.onnx"


def draws() -> list[object]:
    """Each kind once with few seeds, and once with many."""
    slow = [pytest.param(kind, range(HERE, SEEDS), marks=[pytest.mark.slow]) for kind in ONE]
    return [*(pytest.param(kind, range(HERE)) for kind in ONE), *slow]


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(("kind", "seeds"), draws())
def test_an_operator_gives_fused_integers(kind: str, seeds: range, dtype: str) -> None:
    for seed in seeds:
        net = Drawn(seed, dtype)
        ONE[kind](net)
        model = net.model()
        held = by_definition(read(model), net.feeds)
        for made, expected in zip(model.graph.output, fused(model, net.feeds), strict=True):
            steps = np.rint((held[made.name] - expected) / net.scale_of(made.name))
            apart = np.abs(steps).max(initial=0)
            assert apart <= (kind in A_STEP), f"seed {seed}: {apart:.0f} steps apart"


FLOATS = A_STEP | {
    "AddClamped", "MulClamped",
    "AveragePool", "Softmax", "Abs", "Elu", "HardSigmoid", "HardSwish", "Tanh",
}  # fmt: skip
"""What onnxruntime computes in floats, of which only the last ones have numbers of their own."""


@pytest.mark.parametrize("kind", ONE)
def test_a_step_is_allowed_behind_floats_alone(kind: str) -> None:
    """The judge asks for the integers themselves wherever onnxruntime computes with integers."""
    for dtype in ("uint8", "int8"):
        for seed in range(4):
            net = Drawn(seed, dtype)
            ONE[kind](net)
            model = net.model()
            (sample,) = expect(model, "drawn", {"given": net.feeds})
            held = by_definition(read(model), net.feeds)
            made = [held[info.name] for info in model.graph.output]
            assert compare({"given": made}, [sample]).passes, (dtype, seed)
            quanta = sample.expected.quanta
            off = [y + q for y, q in zip(sample.outputs, quanta, strict=True)]
            allowed = bool(sample.expected.note.count("may be one step off, since"))
            assert compare({"given": off}, [sample]).passes == allowed
            if dtype == "uint8" and kind != "Conv":  # of which some are not fused
                assert allowed == (kind in FLOATS)


@pytest.mark.parametrize("seeds", [
    range(10), pytest.param(range(10, SEEDS), marks=[pytest.mark.slow]),
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("kind", qlinear.KINDS)
def test_operators_of_8_bit_numbers_give_theirs(kind: str, dtype: str, seeds: range) -> None:
    """Networks that take and hand out bytes."""
    for seed in seeds:
        model, feeds = qlinear.single(kind, seed, dtype)
        held = by_definition(read_network(model, Clock(quiet))[1], feeds)
        np.testing.assert_array_equal(held["out"], fused(model, feeds)[0], f"seed {seed}")


def test_programs_compute_fused_integers() -> None:
    """Every kind in one network, and means that lie between two numbers, which floats decide."""
    net = Drawn(1)
    for kind in sorted(set(ONE) - A_STEP):
        ONE[kind](net)
    for size in (2, 3, 4):
        ends = net.ends()
        x = net.input((1, 3, 8, 8), ends)
        net.hand_out(net.again(net.node("AveragePool", x, kernel_shape=[size, 2]), ends))
    model = net.model()
    expected = fused(model, net.feeds)
    made = judge_model(model, net.feeds, expected).outputs
    streamed = judge_plan(model, streamed_model(model, STREAM), net.feeds, expected).outputs
    for info, one, other, right in zip(model.graph.output, made, streamed, expected, strict=True):
        np.testing.assert_array_equal(one, right, info.name)
        np.testing.assert_array_equal(other, right, info.name)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_a_network_whose_ends_were_cut_off_takes_and_makes_bytes(
    dtype: str, tmp_path: Path
) -> None:
    """8-bit inputs and outputs, and a class for each pixel: whole numbers, int64 as int32."""
    net = Drawn(5, dtype)
    ends = net.ends()
    x = net.input((1, 3, 6, 6), ends)
    pooled = [net.again(net.node("MaxPool", x, kernel_shape=[k, 2]), ends) for k in (2, 3)]
    net.hand_out(pooled[0])
    net.hand_out(net.node("ArgMax", pooled[1], axis=1), TensorProto.INT64)
    file = tmp_path / "cut.onnx"
    onnx.save(without_ends(net.model()), file)
    picture = np.random.default_rng(0).integers(0, 100, (1, 3, 6, 6)).astype(dtype)
    name = onnx.load(file).graph.input[0].name
    fitted = lowtide.fit(file, samples={"bytes": {name: picture}})
    memory, checks = fitted.memory, fitted.checks
    assert [port.dtype for port in (*memory.inputs, *memory.outputs)] == [dtype, dtype, "int32"]
    assert (memory.inputs[0].scale, memory.inputs[0].zero) == (ends[0], ends[1])
    assert checks is not None
    assert checks.against.equal
    assert [y.dtype.name for y in checks.results["bytes"]] == [dtype, "int32"]
    np.testing.assert_array_equal(checks.samples[-1].inputs[name], picture)
    assert np.ptp(checks.results["bytes"][1]) == 2
    fitted.emit("c99", tmp_path / "out")
    assert lowtide.verify(tmp_path / "out", file).facts()["unequal"] == 0


def test_bytes_go_in_and_out_of_a_network_with_float_ends(tmp_path: Path, command: Command) -> None:
    """The input is read by two QuantizeLinear; one output is floats that are no 8-bit numbers."""
    net = Drawn(6)
    ends, shape = net.ends(), (1, 3, 6, 6)
    x = net.input(shape, ends)
    name = net.inputs[0].name
    for real, size in ((x, 2), (net.again(name, ends), 3)):
        net.hand_out(net.again(net.node("MaxPool", real, kernel_shape=[size, 2]), ends))
    net.hand_out(net.node("Exp", x))
    file = tmp_path / "net.onnx"
    onnx.save(net.model(), file)
    reals = {"reals": net.feeds}
    plain = lowtide.fit(file, samples=reals)
    bytes_ = lowtide.fit(file, samples=reals, options=lowtide.Options(io_type="8bit"))
    ports = (*bytes_.memory.inputs, *bytes_.memory.outputs)
    assert [port.dtype for port in ports] == ["uint8", "uint8", "uint8", "float32"]
    assert [port.name for port in ports[:1]] == [name]
    assert bytes_.arena_bytes < plain.arena_bytes / 1.5
    assert plain.checks is not None
    assert bytes_.checks is not None
    assert bytes_.checks.samples[-1].expected.gaps[:2] == (0, 0)
    results = (checks.results["reals"] for checks in (plain.checks, bytes_.checks))
    for port, real, whole in zip(ports[1:], *results, strict=True):
        np.testing.assert_array_equal(real, port.reals(whole).astype(np.float32))
    out = tmp_path / "out"
    bytes_.emit("c99", out)
    assert lowtide.verify(out, file).facts()["faults"] == 0
    against = ("--against", "onnxruntime", "--model", file)
    assert command("bench", out, "--seconds", "0.1", *against).code == 0
    said = command("fit", EXAMPLE, "-o", tmp_path / "other", "--io-type", "8bit")
    assert (said.code, (tmp_path / "other").exists()) == (2, False)
    assert "lowtide fit --int8" in said.last


@pytest.mark.parametrize("scale", [0.0, -0.02, np.nan, np.inf])
def test_a_scale_is_a_number_above_0(scale: float, tmp_path: Path, command: Command) -> None:
    """Which node has another is said before anything is planned."""
    text = """<ir_version: 8, opset_import: ["" : 17]>
        g (float[1,2,3,3] x) => (float[1,2,3,3] y)
        <float s = {0.5}, uint8 z = {3}>
        { q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z) }"""
    model = onnx.parser.parse_model(text)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.float32(scale), "s"))
    onnx.save(model, tmp_path / "net.onnx")
    said = command("fit", tmp_path / "net.onnx", "-o", tmp_path / "out")
    assert said.code == 4
    assert "QuantizeLinear" in said.last
    assert "above 0" in said.last
    assert not (tmp_path / "out").exists()


def test_a_float_network_may_begin_with_bytes() -> None:
    """A cast that an exporter left in; int32 is refused as ever."""
    nodes = [helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
             helper.make_node("Exp", ["f"], ["y"])]  # fmt: skip
    for kind in (TensorProto.UINT8, TensorProto.INT32):
        ports = [helper.make_tensor_value_info("x", kind, [1, 4]),
                 helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])]  # fmt: skip
        model = helper.make_model(helper.make_graph(nodes, "n", ports[:1], ports[1:]))
        model.opset_import[0].version, model.ir_version = 17, 8
        if kind == TensorProto.INT32:
            with pytest.raises(UnsupportedModel, match="is int32; float32, int8 or uint8 is need"):
                lowtide.fit(model)
        else:
            samples = {"few": {"x": np.arange(4, dtype=np.uint8)[None]}}
            held = lowtide.fit(model, samples=samples)
            assert held.memory.inputs[0].dtype == "uint8"
            assert held.checks is not None
            made = held.checks.results["few"][0]
            np.testing.assert_allclose(made, np.exp(np.arange(4.0))[None], rtol=1e-6)


def test_what_stays_float_stays_right() -> None:
    """An operator without a QuantizeLinear behind it, one whose result is read twice."""
    net = Drawn(2)
    x = net.input((1, 3, 6, 6))
    w, scales = net.weights((4, 3, 3, 3), 0)
    y = net.node("Conv", x, w, pads=[1, 1, 1, 1])
    net.hand_out(net.node("Mul", y, net.node("Erf", y)))
    net.end(y, net.scale_of(x) * scales.max() * 64 * 5)
    graph = read(net.model())
    assert {"Conv", "Erf", "QuantizeLinear"} <= {op.type for op in graph.operators}
    assert all(array.dtype != np.int8 or array.ndim == 0 for array in graph.constants.values())
    judge_model(net.model(), net.feeds, fused(net.model(), net.feeds))


@pytest.mark.parametrize("activations", ["QUInt8", "QInt8"])
@pytest.mark.parametrize("format_", ["QDQ", "QOperator"])
def test_what_onnxruntime_quantises(format_: str, activations: str, tmp_path: Path) -> None:
    """QDQ or QLinear: every 8-bit tensor of a residual network is onnxruntime's."""
    model = quantised(EXAMPLE, format_, activations, tmp_path)
    graph = read(model)
    assert {"QConv", "QAdd", "QSum", "QDense"} <= {op.type for op in graph.operators}
    _compare(graph, model, 1)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")
@pytest.mark.parametrize("name", [
    "resnet20_cifar10",
    *(pytest.param(n, marks=[pytest.mark.slow])
      for n in ("face_slim_320", "squeezenet_v1.0", "yunet_n_320")),
])  # fmt: skip
def test_every_number_of_a_shared_network(name: str) -> None:
    """Softmax of onnxruntime's included."""
    file = SHARED / f"{name}_qdq.onnx"
    _compare(read(file), onnx.load(file), 2)


def _compare(graph: Graph, model: onnx.ModelProto, seed: int) -> None:
    dice = np.random.default_rng(seed)
    shapes = {name: graph.tensors[name].shape for name in graph.inputs}
    feeds = {name: dice.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    shown, held = with_numbers(model), by_definition(graph, feeds)
    compared = 0
    for info, expected in zip(shown.graph.output, fused(shown, feeds), strict=True):
        if info.name in held and expected.dtype != np.float32:
            np.testing.assert_array_equal(held[info.name], expected, info.name)
            compared += 1
    assert compared > len(graph.operators) // 2
