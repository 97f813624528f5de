"""Endless input: pushed row by row, a network makes what it makes of all rows at once.

x: 0 1 2 3 4 ...                    a long input at once, by onnxruntime
   |-| |-| |-|                      a few rows a push, states fed by hand, by the definitions
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
import onnx.parser
import pytest
from tests.builders.endless_networks import KINDS, drawn

from lowtide.check.by_definition import by_definition
from lowtide.clock import Clock
from lowtide.errors import UnsupportedModel, UsageError
from lowtide.ir.graph import Array, Graph
from lowtide.pipeline.read import read
from lowtide.rewrites.endless import endless
from lowtide.runtime import onnxruntime

FILE_ROWS = 64
KEYWORDS = Path(__file__).parents[3] / "shared/models/tflite/kws_ref_model.tflite"
BEHIND = 40
"""Rows, in pushes, after the last that is compared: the file pads behind its last row."""


def graph_of(seed: int, images: bool, kinds: tuple[str, ...] = ()) -> Graph:
    return read(drawn(seed, FILE_ROWS, images, kinds), Clock(lambda stage: None))[1]


def pushed(graph: Graph, rows: Array, axis: int) -> Iterator[dict[str, Array]]:
    """What each push makes; states begin as they are after reset."""
    assert graph.pushes is not None
    held = {
        one.input: np.full(graph.shape(one.input), one.initial, graph.tensors[one.input].dtype.name)
        for one in graph.states
    }
    for part in np.split(rows, rows.shape[axis] // graph.pushes.rows, axis):
        made = by_definition(graph, {graph.inputs[0]: part, **held})
        held = {one.input: made[one.output] for one in graph.states}
        yield made


def unequal(seed: int, images: bool, kinds: tuple[str, ...] = (), pushes: int = 12) -> int:
    """Values of a random network that differ from the whole recomputed."""
    graph = graph_of(seed, images, kinds)
    made = endless(graph, {"x": 2}, times=1 + seed % 2)
    assert made.pushes is not None
    (delay,), each = made.pushes.delays, made.pushes.rows
    count = delay.pushes + pushes
    shape = [*graph.shape("x")]
    shape[2] = (count + BEHIND) * each
    rows = np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32)
    model = drawn(seed, shape[2], images, kinds).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    whole = session.run(None, {"x": rows})[0]
    differ = 0
    for n, values in enumerate(pushed(made, rows[:, :, : count * each], 2)):
        first = n * delay.rows - delay.late
        if n >= delay.pushes:
            expected = whole[:, :, first : first + delay.rows]
            assert expected.shape == values[delay.output].shape
            differ += int((expected != values[delay.output]).sum())
    return differ


@pytest.mark.parametrize("images", [False, True])
def test_every_pair_of_operators_equals_the_whole(images: bool) -> None:
    for seed, kinds in enumerate(product(KINDS, KINDS)):
        assert unequal(1000 + seed, images, kinds, pushes=4) == 0, kinds


@pytest.mark.parametrize("seed", range(50))
def test_random_networks_equal_the_whole(seed: int) -> None:
    assert unequal(seed, images=False) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50, 500))
def test_many_random_networks_equal_the_whole(seed: int) -> None:
    assert unequal(seed, images=seed % 3 == 0) == 0


def parsed(nodes: str) -> Graph:
    """A network on x [1, 4, 16]: time is the last axis."""
    text = f'<ir_version: 9, opset_import: ["": 17]> g (float[1,4,16] x) => (float y) {{ {nodes} }}'
    return read(onnx.parser.parse_model(text), Clock(lambda stage: None))[1]


TURNED = "a = Transpose <perm = [0, 2, 1]> (x)"


@pytest.mark.parametrize(
    ("nodes", "operator"),
    [
        ("y = GlobalAveragePool(x)", "GlobalAveragePool"),
        ("y = Softmax <axis = 2> (x)", "Softmax"),
        ("y = Flatten(x)", "Flatten"),
        ("y = Concat <axis = 2> (x, x)", "Concat"),
        ("y = MaxPool <kernel_shape = [16]> (x)", "MaxPool"),
        (f"{TURNED} b = MatMul(a, x) y = Softmax(b)", "MatMul"),
        ("s = Constant <value = float[3] {1., 1., 2.}> () y = Resize(x, , s)", "Resize"),
        (
            'p = Constant <value = int64[6] {0, 0, 1, 0, 0, 1}> () y = Pad <mode = "edge"> (x, p)',
            "Pad",
        ),
    ],
)
def test_what_needs_all_of_time_is_refused_by_name(nodes: str, operator: str) -> None:
    with pytest.raises(UnsupportedModel, match=rf"{operator}.*--window ROWS"):
        endless(parsed(nodes), {"x": 2})


def test_what_goes_row_by_row_needs_nothing() -> None:
    made = endless(parsed(f"{TURNED} b = Softmax(a) y = Relu(b)"), {"x": 2})
    assert made.states == ()
    assert made.shape("y") == (1, 1, 4)


@pytest.mark.parametrize("window", [16, 5])
def test_a_window_runs_on_the_last_rows(window: int) -> None:
    """A mean of the last rows of a pool of two, beside what that is of them all."""
    made = endless(
        parsed("a = MaxPool <kernel_shape = [2]> (x) y = GlobalAveragePool(a)"),
        {"x": 2},
        window=window,
    )
    length = 15 if window == 16 else window
    assert made.pushes is not None
    assert [*made.pushes.windows.values()] == [length]
    rows = np.random.default_rng(0).integers(-9, 10, (1, 4, 40)).astype(np.float32)
    pooled = np.maximum(rows[:, :, 1:], rows[:, :, :-1])
    (delay,) = made.pushes.delays
    assert (delay.pushes, delay.rows) == (length, 0)
    for n, values in enumerate(pushed(made, rows, 2)):
        if n >= delay.pushes:
            expected = pooled[:, :, n - length : n].mean(2, keepdims=True)
            assert np.allclose(values["y"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ("g = GlobalAveragePool(x) a = Mul(x, g) y = GlobalMaxPool(a)", "over all of time on what"),
        ("g = GlobalAveragePool(x) a = Mul(x, g) y = MaxPool <kernel_shape = [2]> (a)", "older"),
        (
            "g = Softmax <axis = 2> (x) a = Transpose <perm = [0, 2, 1]> (x) y = MatMul(g, a)",
            "what",
        ),
    ],
)
def test_windows_of_different_calls_are_not_mixed(nodes: str, why: str) -> None:
    """A row made with the window of its own call is not what the whole would make of it now."""
    with pytest.raises(UnsupportedModel, match=why):
        endless(parsed(nodes), {"x": 2}, window=16)


def test_a_pool_of_one_row_that_reads_a_part_of_all_is_one_like_others() -> None:
    """Of 16 rows a pool of 9 in steps of 9 makes one: it goes on with 9 rows a call."""
    made = endless(parsed("y = MaxPool <kernel_shape = [9], strides = [9]> (x)"), {"x": 2})
    assert made.pushes is not None
    assert made.pushes.rows == 9
    rows = np.random.default_rng(0).integers(-9, 10, (1, 4, 36)).astype(np.float32)
    for n, values in enumerate(pushed(made, rows, 2)):
        expected = rows[:, :, 9 * n : 9 * n + 9].max(2, keepdims=True)
        assert np.array_equal(values["y"], expected)


def test_windows_of_two_tensors_end_at_the_same_row() -> None:
    """A product over time of a convolution, which is late, with rows that are not."""
    text = """
        a = MaxPool <kernel_shape = [3]> (x)
        s = Constant <value_ints = [0]> () e = Constant <value_ints = [-2]> ()
        t = Constant <value_ints = [2]> () b = Slice(x, s, e, t)
        c = Transpose <perm = [0, 2, 1]> (b)
        y = MatMul(a, c)
    """
    made = endless(parsed(text), {"x": 2}, window=16)
    assert made.pushes is not None
    (delay,) = made.pushes.delays
    rows = np.random.default_rng(0).integers(-9, 10, (1, 4, 40)).astype(np.float32)
    for n, values in enumerate(pushed(made, rows, 2)):
        if n >= max(delay.pushes, 15):
            seen = rows[:, :, n - 15 : n + 1]
            pooled = np.max([seen[:, :, k : k + 14] for k in range(3)], axis=0)
            assert np.array_equal(values["y"], pooled @ seen[:, :, :-2].transpose(0, 2, 1))


def test_a_long_push_is_refused_before_it_takes_memory() -> None:
    with pytest.raises(UnsupportedModel, match="elements"):
        endless(parsed("y = MaxPool <kernel_shape = [3]> (x)"), {"x": 2}, times=10**8)


def test_windows_that_nothing_or_too_little_runs_on_are_refused() -> None:
    with pytest.raises(UsageError, match="no operator needs all of time"):
        endless(parsed("y = Relu(x)"), {"x": 2}, window=16)
    with pytest.raises(UnsupportedModel, match=r"Flatten.*16 rows, no more.*--window 16"):
        endless(parsed("y = Flatten(x)"), {"x": 2}, window=8)


def test_convolutions_for_keywords_equal_what_their_own_runtime_makes_of_all_rows() -> None:
    """Bits; the file has 49 rows, and pads. LiteRT's plain kernels take any number of them."""
    if not KEYWORDS.exists():
        pytest.skip("../shared is not there: it has the network")
    pytest.importorskip("ai_edge_litert.interpreter")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    graph = read(KEYWORDS, Clock(lambda stage: None))[1]
    last = max(k for k, op in enumerate(graph.operators) if op.type == "QConv")
    output = graph.operators[last].output
    cut = replace(graph, outputs=(output,), operators=graph.operators[: last + 1])
    made = endless(cut, {graph.inputs[0]: 1})
    assert made.pushes is not None
    assert (made.pushes.rows, made.pushes.delay) == (2, 12)
    assert sum(prod(made.shape(one.input)) for one in made.states) == 3940
    rows = np.random.default_rng(0).integers(-128, 128, (1, 200, 10, 1)).astype(np.int8)
    held = Interpreter(
        str(KEYWORDS),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    where = held.get_input_details()[0]["index"]
    held.resize_tensor_input(where, rows.shape)
    held.allocate_tensors()
    held.set_tensor(where, rows)
    held.invoke()
    long = [d["index"] for d in held.get_tensor_details() if [*d["shape"]] == [1, 100, 5, 64]]
    whole = held.get_tensor(long[-1]).transpose(0, 3, 1, 2)
    for n, values in enumerate(pushed(made, rows[:, :120], 1)):
        if n >= 12:
            assert np.array_equal(values[output], whole[:, :, n - 6 : n - 5])
