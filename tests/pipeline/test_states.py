"""Networks that keep state between calls: --state OUTPUT:INPUT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import lowtide
from lowtide.backends import emit
from lowtide.check.emulate import Machine
from lowtide.check.ends import Ends
from lowtide.check.judge import judge_placement, judge_program
from lowtide.check.numbers import Reference
from lowtide.check.together import judge_shared
from lowtide.check.truth import make_samples
from lowtide.clock import Clock, quiet
from lowtide.errors import CheckError, UsageError
from lowtide.ir.graph import Array
from lowtide.ir.state import State
from lowtide.pipeline.read import read
from lowtide.pipeline.read_states import read_states
from lowtide.pipeline.together import Together, fit_together
from lowtide.planner.memory_map import memory_map
from lowtide.planner.plan import Plan

HEAD = '<ir_version: 8, opset_import: ["" : 17]>\n'
ADDS = """g (float[1,4] x, float[1,4] h_in, float[1,3] k) =>
(float[1,4] y, float[1,4] h_out, float[1,3] z)
{ a = Tanh(h_in) h_out = Add(x, a) y = Relu(h_out) z = Neg(k) }"""


def made(text: str) -> onnx.ModelProto:
    return parser.parse_model(HEAD + text)


def kept(*words: str, **others: object) -> lowtide.Options:
    return replace(lowtide.Options(state=words), **others)  # type: ignore[arg-type]


def test_a_state_is_a_value_of_the_graph() -> None:
    _, graph = read(made(ADDS), Clock(quiet), options=kept("h_out:h_in"))
    assert graph.states == (State("h_out", "h_in", 0),)


def test_names_with_colons_of_their_own() -> None:
    _, graph = read(made(ADDS), Clock(quiet))
    tensors = {**graph.tensors, "h:0": graph.tensors["h_in"], "h:1": graph.tensors["h_out"]}
    named = replace(graph, inputs=("x", "h:0"), outputs=("y", "h:1"), tensors=tensors)
    assert read_states(["h:1:h:0"], named) == (State("h:1", "h:0"),)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["h"], "its outputs are y, h_out, z; its inputs x, h_in, k"),
        (["h_in:h_out"], "OUTPUT:INPUT"),
        (["z:h_in"], "the shape differs, [1, 3] and [1, 4]"),
        (["y:h_in", "y:x"], "output 'y' is used twice"),
        (["y:h_in", "h_out:h_in"], "input 'h_in' is used twice"),
        (["y:h_in", "h_out:x", "z:k"], "all inputs are states"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], why: str) -> None:
    with pytest.raises(UsageError) as found:
        lowtide.fit(made(ADDS), options=kept(*words))
    assert why in str(found.value)


# What is run in numpy, and held to onnxruntime, which is fed with what it made.

TWO = "float[1,4] x, float[1,4] a, float[1,4] b) => (float[1,4] y, float[1,4] ao, float[1,4] bo"
ONE = "float[1,4] x, float[1,4] h) => (float[1,4] y, float[1,4] o"
IMAGE = "float[1,2,6,6] x, float[1,2,6,6] h) => (float[1,2,6,6] y, float[1,2,6,6] o"
NETWORKS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "read by several": (f"g ({ONE}) {{ a = Add(x, h) b = Mul(x, h) o = Sub(a, b) y = Relu(o) }}",
                        ("o:h",), 0),
    "read later": (f"g ({ONE}) {{ o = Add(x, h) a = Tanh(o) y = Mul(a, h) }}", ("o:h",), 1),
    "passes through": (f"g ({ONE}) {{ o = Identity(h) y = Add(x, h) }}", ("o:h",), 2),
    "a line of delays": (f"g ({TWO}) {{ ao = Identity(x) bo = Identity(a) y = Add(x, b) }}",
                         ("ao:a", "bo:b"), 2),
    "changes places": (f"""g ({TWO}) {{ c = Add(x, a) ao = Identity(b) bo = Identity(c)
                       y = Add(x, b) }}""", ("ao:a", "bo:b"), 2),
    "a view of it": (f"g ({ONE}) {{ t = Transpose<perm=[1,0]>(h) u = Tanh(t) v = Transpose(u) "
                     "o = Add(v, x) y = Relu(o) }", ("o:h",), 0),
    "an image": (f"""g ({IMAGE}) {{ c = Conv<pads=[1,1,1,1]>(h, w) d = Add(x, c) o = Tanh(d)
                 y = Conv<pads=[1,1,1,1]>(o, w) }}""", ("o:h",), 0),
    "an image read again": (f"""g ({IMAGE}) {{ c = Conv<pads=[1,1,1,1]>(h, w) d = Add(x, c)
                            o = Tanh(d) y = Add(o, h) }}""", ("o:h",), 1),
}  # fmt: skip


def network(text: str) -> onnx.ModelProto:
    model = made(text)
    w = np.random.default_rng(0).normal(0, 0.3, (2, 2, 3, 3)).astype(np.float32)
    if "Conv" in text:
        model.graph.initializer.append(numpy_helper.from_array(w, "w"))
    return model


def sequence(model: onnx.ModelProto, plan: Plan, steps: int) -> list[dict[str, Array]]:
    dice = np.random.default_rng(1)
    return [
        {p.name: dice.normal(0, 1, p.shape).astype(np.float32) for p in plan.inputs}
        for _ in range(steps)
    ]


def fed(
    model: onnx.ModelProto, plan: Plan, sets: Sequence[dict[str, Array]]
) -> list[tuple[Array, ...]]:
    """What onnxruntime makes of a sequence."""
    runtime, found = Reference(model.SerializeToString(), "n"), list[tuple[Array, ...]]()
    names = [value.name for value in model.graph.output]
    held = {s.input.name: np.full(s.input.shape, s.initial, s.input.dtype) for s in plan.states}
    for inputs in sets:
        found.append(runtime.run({**inputs, **held}).outputs)
        held = {s.input.name: found[-1][names.index(s.output.name)] for s in plan.states}
    return found


OTHERS: dict[str, dict[str, object]] = {
    "as it is": {},
    "layer by layer": {"schedule": "layerwise"},
    "whole tensors": {"overlap": "none"},
    "in turns": {"objective": "latency"},
    "row by row": {"image": "streamed", "result": "streamed"},
    "inputs stay": {"keep_input": True},
}


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_sequence_of_calls(name: str, others: str) -> None:
    text, words, copies = NETWORKS[name]
    model = network(text)
    plan = lowtide.profile(model, options=kept(*words, **OTHERS[others]))
    judge_placement(memory_map(plan))
    machine, sets = Machine(plan), sequence(model, plan, 5)
    for inputs, expected in zip(sets, fed(model, plan, sets), strict=True):
        for y, ref in zip(machine.run(inputs), expected, strict=True):
            np.testing.assert_allclose(y, ref, rtol=1e-5, atol=1e-6)
    if others == "layer by layer" and name != "read by several":
        assert sum(t.operator.type == "Copy" for t in plan.tasks) == copies


# The judges.


def lying(plan: Plan, storage: str) -> int:
    return plan.offset[plan.layout.places[storage].storage]


@pytest.fixture(scope="module")
def adds() -> Plan:
    return lowtide.profile(made(ADDS), options=kept("h_out:h_in"))


def judged(plan: Plan, change: tuple[str, str] = ("", "")) -> None:
    memory, model = memory_map(plan), made(ADDS)
    shapes = {port.name: port.shape for port in memory.inputs}
    ends = Ends(memory.inputs, memory.outputs, memory.states)
    samples = make_samples(model, "n", shapes, {}, ends)
    files = {n: c.replace(*(one.encode() for one in change)) for n, c in emit(plan).items()}
    judge_program(files, memory, samples)


def test_the_placement_of_a_state_that_is_overwritten_is_wrong(adds: Plan) -> None:
    judge_placement(memory_map(adds))
    for broken in (
        adds.moved("y", lying(adds, "h_in")),  # an output that lies on it at the end of a call
        adds.moved("x", lying(adds, "h_in")),  # an input that is written between the calls
        adds.moved("h_out", lying(adds, "y")),  # it is not left where it is read
    ):
        with pytest.raises(CheckError, match="placement is wrong"):
            judge_placement(memory_map(broken))


def test_the_program_of_a_state_that_is_overwritten_is_wrong(adds: Plan) -> None:
    judged(adds)
    for broken in (adds.moved("x", lying(adds, "h_in")), adds.moved("h_out", lying(adds, "k"))):
        with pytest.raises(CheckError, match=r"expected 'h_out' row 0|expected 'h_in' row 0"):
            judged(broken)


def test_a_program_that_is_not_reset_is_found(adds: Plan) -> None:
    with pytest.raises(CheckError, match="expected 'h_out' row 0, found nothing"):
        judged(adds, ("WRITE(S4, 0, i, 0.0f);", "(void)i;"))


# Networks that take turns.

OTHER = "n (float[1,6] x, float[1,6] s) => (float[1,6] t) { a = Sigmoid(s) t = Sub(x, a) }"


def together(target: str) -> Together:
    options = kept("one:h_out:h_in", "two:t:s")
    return fit_together(
        [made(ADDS), made(OTHER)], name=["one", "two"], options=options, target=target
    )


def test_states_survive_the_turns_of_others() -> None:
    both = together("none")
    assert {(one.network, one.port) for one in both.shared.kept} == {
        ("one", "h_in"), ("one", "h_out"), ("two", "s"), ("two", "t"),
    }  # fmt: skip
    memories = [one.memory for one in both.fitted]
    judge_shared(both.shared, memories)
    lost = replace(both.shared, kept=both.shared.kept[:2])
    with pytest.raises(CheckError, match="two's s lies beyond byte"):
        judge_shared(lost, memories)
    for words, why in (
        (kept("h_out:h_in"), "the networks are one, two"),
        (kept("three:t:s"), "the networks are one, two"),
    ):
        with pytest.raises(UsageError, match=why):
            fit_together([made(ADDS), made(OTHER)], name=["one", "two"], options=words)


@pytest.mark.slow
def test_turns_of_networks_with_states() -> None:
    both = together("c99")
    assert both.turns is not None
    assert both.turns.reads > 300
