"""Write recurrent operators out, a step after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from lowtide.frontends.onnx.simplify.edit import (
    add_constant,
    operand,
    put_in_place_of,
    remove,
)
from lowtide.frontends.onnx.simplify.edit import static_shape as shape_of
from lowtide.frontends.onnx.simplify.recurrent import (
    GATES,
    activation,
    batch_first,
    check,
    directions,
    steps,
)


def unroll(model: ir.Model) -> ir.Model:
    """Write LSTM, GRU and RNN out as products and sums.

        x [T,B,I] ──> GRU ──> y   ->   x ──> MatMul ──> Gather row t ──> Add, Sigmoid .. ──> h[t]

    Needs shapes. Raises UnsupportedModel for attributes that change what a step computes.
    """
    for node in tuple(model.graph):
        if node.op_type in GATES and node.domain == "" and all(map(_known, node.inputs)):
            check(node)
            _unroll(node)
    return model


def _known(value: ir.Value | None) -> bool:
    return value is None or shape_of(value) is not None


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
    activation: str


Step = Callable[[_Writer, _Cell, ir.Value, ir.Value, ir.Value], tuple[ir.Value, ir.Value]]


def _unroll(node: ir.Node) -> None:
    w = _Writer(node)
    x, weights, recurrent, bias = (operand(node, k) for k in range(4))
    assert x is not None
    assert weights is not None
    assert recurrent is not None
    first = batch_first(node)
    if first:
        x = w.add("Transpose", x, perm=[1, 0, 2])
    given = shape_of(node.inputs[0])
    sizes = shape_of(recurrent)
    assert given is not None
    assert sizes is not None
    batch, hidden, gates = given[0] if first else given[1], sizes[2], GATES[node.op_type]
    states = [_initial(w, operand(node, k), first) for k in (5, 6)]
    peepholes, rows, last = operand(node, 7), [], ([], [])  # type: ignore[var-annotated]
    for d, backward in enumerate(directions(node)):
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
            activation(node, d) if node.op_type == "RNN" else "",
        )
        zero = w.held(np.zeros((batch, hidden)), np.float32)
        state = tuple(w.pick(s, d) if s is not None else zero for s in states)
        h, c, made = state[0], state[1], {}
        order = range(steps(node))
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
    return w.add(cell.activation, w.add("Add", x, _pushed(w, cell, h))), c


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
