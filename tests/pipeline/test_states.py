"""Networks that keep state between calls: --state OUTPUT:INPUT."""

from __future__ import annotations

from dataclasses import replace

import onnx
import pytest
from onnx import parser

import lowtide
from lowtide.clock import Clock, quiet
from lowtide.errors import UsageError
from lowtide.ir.state import State
from lowtide.pipeline.read import read
from lowtide.pipeline.read_states import read_states

ADDS = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,4] x, float[1,4] h_in, float[1,3] k) => (float[1,4] y, float[1,4] h_out, float[1,3] z)
{ a = Tanh(h_in) h_out = Add(x, a) y = Relu(h_out) z = Neg(k) }"""


def adds() -> onnx.ModelProto:
    return parser.parse_model(ADDS)


def test_a_state_is_a_value_of_the_graph() -> None:
    _, graph = read(adds(), Clock(quiet), state=("h_out:h_in",))
    assert graph.states == (State("h_out", "h_in", 0),)


def test_names_with_colons_of_their_own() -> None:
    _, graph = read(adds(), Clock(quiet))
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
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], why: str) -> None:
    with pytest.raises(UsageError) as found:
        lowtide.fit(adds(), options=lowtide.Options(state=tuple(words)))
    assert why in str(found.value)
