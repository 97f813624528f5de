"""Write recurrent operators out, a step after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from lowtide.errors import EXPORT, UnreadableModel, UnsupportedModel
from lowtide.frontends.onnx.simplify.edit import (
    add_constant,
    constant,
    operand,
    put_in_place_of,
    remove,
)
from lowtide.frontends.onnx.simplify.edit import static_shape as shape_of

MOST_STEPS = 256
"""Each step is a dozen operators."""

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
RECURRENT = tuple(_GATES)
_DEFAULTS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}


def unroll(model: ir.Model) -> ir.Model:
    """Write LSTM, GRU and RNN out as products and sums.

        x [T,B,I] ──> GRU ──> y   ->   x ──> MatMul ──> Gather row t ──> Add, Sigmoid .. ──> h[t]

    Needs shapes. Raises UnsupportedModel for attributes that change what a step computes.
    """
    for node in tuple(model.graph):
        if node.op_type in _GATES and node.domain == "" and all(map(_known, node.inputs)):
            _check(node)
            _unroll(node)
    return model


def _known(value: ir.Value | None) -> bool:
    return value is None or shape_of(value) is not None


def _check(node: ir.Node) -> None:
    place = {"node": node.name, "operator": node.op_type}
    usual = [*_DEFAULTS[node.op_type]] * len(_directions(node))
    given = list(node.attributes.get_strings("activations", usual))
    # onnxruntime minds neither how they are spelled nor those of a direction that is not there;
    # the default of RNN in ONNX's own schema is of two.
    if [name.lower() for name in given[: len(usual)]] != [name.lower() for name in usual]:
        raise UnsupportedModel(f"activations are {given}; {usual} is needed", **place)
    for name in ("clip", "activation_alpha", "activation_beta", "input_forget"):
        if name in node.attributes and node.attributes[name].value:
            raise UnsupportedModel(f"attribute '{name}' is not done", **place)
    _check_sizes(node)
    lengths, steps = operand(node, 4), _steps(node)
    held = constant(lengths)
    if lengths is not None and (held is None or (held != steps).any()):
        raise UnsupportedModel("sequences of several lengths are not done", **place)
    if steps > MOST_STEPS:
        raise UnsupportedModel(f"{steps} steps, more than {MOST_STEPS}", **place)


def _check_sizes(node: ir.Node) -> None:
    """Weights, biases and states are of as many directions and places as the node says."""
    hidden, batch = _shape(node, 2)[-1], _shape(node, 0)[0 if _batch_first(node) else 1]
    sides, gates = len(_directions(node)), _GATES[node.op_type]
    state = (batch, sides, hidden) if _batch_first(node) else (sides, batch, hidden)
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
    shape = shape_of(operand(node, k))
    assert shape is not None
    return shape


def _directions(node: ir.Node) -> list[bool]:
    """Whether each direction goes backward."""
    said = node.attributes.get_string("direction", "forward")
    return {"forward": [False], "reverse": [True]}.get(said, [False, True])


def _batch_first(node: ir.Node) -> bool:
    return bool(node.attributes.get_int("layout", 0))


def _steps(node: ir.Node) -> int:
    shape = shape_of(node.inputs[0])
    assert shape is not None
    return shape[1] if _batch_first(node) else shape[0]


class _Writer:
    """Adds nodes before the one they replace."""

    def __init__(self, node: ir.Node) -> None:
        assert isinstance(node.graph, ir.Graph)
        self.node, self.graph, self.count = node, node.graph, 0

    def add(self, type_: str, *inputs: ir.Value, **attributes: int | Sequence[int]) -> ir.Value:
        self.count += 1
        name = f"{self.node.name}/{type_}_{self.count}"
        new = ir.node(type_, list(inputs), attributes, name=name)
        new.outputs[0].name = name
        self.graph.insert_before(self.node, new)
        return new.outputs[0]

    def held(self, values: object, dtype: type = np.int64) -> ir.Value:
        return add_constant(self.graph, f"{self.node.name}/const", np.asarray(values, dtype))

    def pick(self, value: ir.Value, which: int | range, axis: int = 0) -> ir.Value:
        """One place of an axis, which goes, or several side by side."""
        chosen = which if isinstance(which, int) else list(which)
        return self.add("Gather", value, self.held(chosen), axis=axis)

    def shaped(self, value: ir.Value, shape: Sequence[int]) -> ir.Value:
        return self.add("Reshape", value, self.held(shape))

    def joined(self, values: Sequence[ir.Value], axis: int) -> ir.Value:
        return self.add("Concat", *values, axis=axis)


@dataclass(frozen=True)
class _Cell:
    """One direction's weights: recurrent [H, gates * H], biases [gates * H] or None."""

    recurrent: ir.Value
    bias: ir.Value | None
    peepholes: ir.Value | None
    hidden: int
    before_reset: bool


Step = Callable[[_Writer, _Cell, ir.Value, ir.Value, ir.Value], tuple[ir.Value, ir.Value]]


def _unroll(node: ir.Node) -> None:
    w = _Writer(node)
    x, weights, recurrent, bias = (operand(node, k) for k in range(4))
    assert x is not None
    assert weights is not None
    assert recurrent is not None
    first = _batch_first(node)
    if first:
        x = w.add("Transpose", x, perm=[1, 0, 2])
    given = shape_of(node.inputs[0])
    sizes = shape_of(recurrent)
    assert given is not None
    assert sizes is not None
    batch, hidden, gates = given[0] if first else given[1], sizes[2], _GATES[node.op_type]
    states = [_initial(w, operand(node, k), first) for k in (5, 6)]
    peepholes, rows, last = operand(node, 7), [], ([], [])  # type: ignore[var-annotated]
    for d, backward in enumerate(_directions(node)):
        side = w.pick(bias, d) if bias is not None else None
        inputs = w.add("MatMul", x, w.add("Transpose", w.pick(weights, d), perm=[1, 0]))
        if side is not None:
            inputs = w.add("Add", inputs, w.pick(side, range(gates * hidden)))
        cell = _Cell(
            w.add("Transpose", w.pick(recurrent, d), perm=[1, 0]),
            w.pick(side, range(gates * hidden, 2 * gates * hidden)) if side is not None else None,
            w.pick(peepholes, d) if peepholes is not None else None,
            hidden,
            bool(node.attributes.get_int("linear_before_reset", 0)),
        )
        zero = w.held(np.zeros((batch, hidden)), np.float32)
        state = tuple(w.pick(s, d) if s is not None else zero for s in states)
        h, c, made = state[0], state[1], {}
        order = range(_steps(node))
        for t in reversed(order) if backward else order:
            h, c = _STEPS[node.op_type](w, cell, w.pick(inputs, t), h, c)
            made[t] = w.shaped(h, (1, 1, batch, hidden))
        rows.append(w.joined([made[t] for t in order], 0))
        for kept, state_ in zip(last, (h, c), strict=True):
            kept.append(w.shaped(state_, (1, batch, hidden)))
    _hand_out(w, [w.joined(rows, 1), *(w.joined(kept, 0) for kept in last)], first)


def _initial(w: _Writer, value: ir.Value | None, first: bool) -> ir.Value | None:
    return w.add("Transpose", value, perm=[1, 0, 2]) if value is not None and first else value


def _hand_out(w: _Writer, made: Sequence[ir.Value], first: bool) -> None:
    turns = ([2, 0, 1, 3], [1, 0, 2], [1, 0, 2])
    for old, new, turn in zip(w.node.outputs, made, turns, strict=False):
        if old.name:
            put_in_place_of(old, w.add("Transpose", new, perm=turn) if first else new)
    remove(w.node)


def _gate(w: _Writer, cell: _Cell, value: ir.Value, k: int) -> ir.Value:
    return w.pick(value, range(k * cell.hidden, (k + 1) * cell.hidden), 1)


def _pushed(w: _Writer, cell: _Cell, h: ir.Value) -> ir.Value:
    """h @ R + the recurrent bias."""
    product = w.add("MatMul", h, cell.recurrent)
    return product if cell.bias is None else w.add("Add", product, cell.bias)


def _rnn(
    w: _Writer, cell: _Cell, x: ir.Value, h: ir.Value, c: ir.Value
) -> tuple[ir.Value, ir.Value]:
    return w.add("Tanh", w.add("Add", x, _pushed(w, cell, h))), c


def _gru(
    w: _Writer, cell: _Cell, x: ir.Value, h: ir.Value, c: ir.Value
) -> tuple[ir.Value, ir.Value]:
    pushed = _pushed(w, cell, h)
    z, r = (
        w.add("Sigmoid", w.add("Add", _gate(w, cell, x, k), _gate(w, cell, pushed, k)))
        for k in (0, 1)
    )
    if cell.before_reset:
        inner = w.add("Mul", r, _gate(w, cell, pushed, 2))
    else:
        inner = _gate(w, cell, _pushed(w, cell, w.add("Mul", r, h)), 2)
    new = w.add("Tanh", w.add("Add", _gate(w, cell, x, 2), inner))
    kept = w.add("Sub", w.held(1.0, np.float32), z)
    return w.add("Add", w.add("Mul", kept, new), w.add("Mul", z, h)), c


def _lstm(
    w: _Writer, cell: _Cell, x: ir.Value, h: ir.Value, c: ir.Value
) -> tuple[ir.Value, ir.Value]:
    gates = w.add("Add", x, _pushed(w, cell, h))

    def gate(k: int, peephole: int, state: ir.Value) -> ir.Value:
        value = _gate(w, cell, gates, k)
        if cell.peepholes is not None:
            where = range(peephole * cell.hidden, (peephole + 1) * cell.hidden)
            value = w.add("Add", value, w.add("Mul", w.pick(cell.peepholes, where), state))
        return w.add("Sigmoid", value)

    new = w.add("Mul", gate(0, 0, c), w.add("Tanh", _gate(w, cell, gates, 3)))
    c = w.add("Add", w.add("Mul", gate(2, 2, c), c), new)
    return w.add("Mul", gate(1, 1, c), w.add("Tanh", c)), c


_STEPS: dict[str, Step] = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}
