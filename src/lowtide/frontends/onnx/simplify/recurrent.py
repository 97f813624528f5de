"""What recurrent operators say of themselves, and whether they can be written out."""

from __future__ import annotations

import onnx_ir as ir

from lowtide.errors import EXPORT, UnreadableModel, UnsupportedModel
from lowtide.frontends.onnx.simplify.edit import constant, operand, static_shape

MOST_STEPS = 256
"""Each step is a dozen operators."""

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
RECURRENT = tuple(GATES)
_DEFAULTS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}


def check(node: ir.Node) -> None:
    """Raises UnsupportedModel for what changes a step, UnreadableModel for wrong shapes."""
    place = {"node": node.name, "operator": node.op_type}
    usual = [*_DEFAULTS[node.op_type]] * len(directions(node))
    given = list(node.attributes.get_strings("activations", usual))
    # onnxruntime minds neither how they are spelled nor those of a direction that is not there;
    # the default of RNN in ONNX's own schema is of two.
    named = [name.lower() for name in given[: len(usual)]]
    relus = ["tanh" if name == "relu" and node.op_type == "RNN" else name for name in named]
    if relus != [name.lower() for name in usual]:
        more = " (or Relu)" if node.op_type == "RNN" else ""
        raise UnsupportedModel(f"activations are {given}; {usual}{more} is needed", **place)
    for name in ("clip", "activation_alpha", "activation_beta", "input_forget"):
        if name in node.attributes and (node.attributes[name].value or name == "clip"):
            raise UnsupportedModel(f"attribute '{name}' is not supported", **place)
    _check_sizes(node)
    lengths, count = operand(node, 4), steps(node)
    held = constant(lengths)
    if lengths is not None and (held is None or (held != count).any()):
        raise UnsupportedModel("sequences of several lengths are not supported", **place)
    if count > MOST_STEPS:
        raise UnsupportedModel(f"{count} steps, more than {MOST_STEPS}", **place)


def _check_sizes(node: ir.Node) -> None:
    """Weights, biases and states are of as many directions and places as the node says."""
    hidden, batch = _shape(node, 2)[-1], _shape(node, 0)[0 if batch_first(node) else 1]
    sides, gates = len(directions(node)), GATES[node.op_type]
    state = (batch, sides, hidden) if batch_first(node) else (sides, batch, hidden)
    wanted = {
        1: (sides, gates * hidden, _shape(node, 0)[2]),
        2: (sides, gates * hidden, node.attributes.get_int("hidden_size", hidden)),
        3: (sides, 2 * gates * hidden),
        5: state,
        6: state,
        7: (sides, 3 * hidden),
    }
    for k, shape in wanted.items():
        if operand(node, k) is not None and _shape(node, k) != shape:
            raise UnreadableModel(
                f"input {k} has shape {[*_shape(node, k)]}; {[*shape]} is needed",
                node=node.name,
                operator=node.op_type,
                hint=EXPORT,
            )


def _shape(node: ir.Node, k: int) -> tuple[int, ...]:
    shape = static_shape(operand(node, k))
    assert shape is not None
    return shape


def activation(node: ir.Node, direction: int) -> str:
    """What an RNN applies to its sums: Tanh or Relu."""
    given = node.attributes.get_strings("activations", ["Tanh"] * (direction + 1))
    return given[direction].capitalize()


def directions(node: ir.Node) -> list[bool]:
    """Whether each direction goes backward."""
    said = node.attributes.get_string("direction", "forward")
    return {"forward": [False], "reverse": [True]}.get(said, [False, True])


def batch_first(node: ir.Node) -> bool:
    """Whether the batch is the first axis, not the steps."""
    return bool(node.attributes.get_int("layout", 0))


def steps(node: ir.Node) -> int:
    """How many steps there are."""
    shape = static_shape(node.inputs[0])
    assert shape is not None
    return shape[1] if batch_first(node) else shape[0]
