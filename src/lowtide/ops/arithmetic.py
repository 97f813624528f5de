"""Element-wise operators of several operands, broadcast by numpy's rule."""

from __future__ import annotations

from lowtide.ir.dtype import U32, U64
from lowtide.ir.nest import Nest, pointwise
from lowtide.ir.value import Load, Value, call, together
from lowtide.ops.entry import ANY, BOOL, CHOSEN, Bound, entry


def _elementwise(op: Bound, finish: Value) -> Nest:
    return pointwise(op.out, tuple((i, op.shape(i)) for i in range(len(op.inputs))), finish)


@entry("Add", "Div", "Mul", "Sub", pointwise=True)
def binary(op: Bound) -> Nest:
    """a + b, a / b, a * b or a - b, by its name"""
    return _elementwise(op, call(op.type.lower(), Load(0), Load(1)))


@entry("Pow", pointwise=True, other_types={1: (*ANY, U32, U64)})
def power(op: Bound) -> Nest:
    """a to the b; squares are products"""
    if 1 in op.constants and op.constants[1].size == 1 and op.constants[1].item() == 2:
        return pointwise(op.out, ((0, op.shape(0)),), call("mul", Load(0), Load(0)))
    return _elementwise(op, call("pow", Load(0), Load(1)))


@entry("Mod", attributes={"fmod": 0}, pointwise=True)
def mod(op: Bound) -> Nest:
    """What is left of a after whole times b, of a's sign"""
    if not op.attribute("fmod"):
        raise op.refuse("floats need fmod = 1")
    return _elementwise(op, call("mod", Load(0), Load(1)))


@entry("PRelu", pointwise=True)
def prelu(op: Bound) -> Nest:
    """x where x >= 0, else slope * x"""
    return _elementwise(op, call("leaky", Load(0), Load(1)))


@entry("Max", "Min", pointwise=True, take=CHOSEN)
def extreme(op: Bound) -> Nest:
    """The largest or the smallest operand, by its name"""
    return _elementwise(op, _all(op, "larger" if op.type == "Max" else "smaller"))


@entry("Sum", pointwise=True)
def sum_(op: Bound) -> Nest:
    """All operands added"""
    return _elementwise(op, _all(op, "add"))


@entry("Mean", pointwise=True)
def mean(op: Bound) -> Nest:
    """The mean of all operands"""
    return _elementwise(op, call("div", _all(op, "add"), len(op.inputs)))


def _all(op: Bound, function: str) -> Value:
    return together(function, [Load(i) for i in range(len(op.inputs))])


@entry("Less", "LessOrEqual", "Greater", "GreaterOrEqual", pointwise=True, makes=BOOL)
def compare(op: Bound) -> Nest:
    """a < b, a <= b, a > b or a >= b, by its name"""
    return _elementwise(op, call(op.type.lower(), Load(0), Load(1)))


@entry("Equal", pointwise=True, take=ANY, makes=BOOL)
def equal(op: Bound) -> Nest:
    """a == b"""
    return _elementwise(op, call("equal", Load(0), Load(1)))


@entry("And", pointwise=True, take=BOOL)
def and_(op: Bound) -> Nest:
    """a * b"""
    return _elementwise(op, call("mul", Load(0), Load(1)))


@entry("Or", pointwise=True, take=BOOL)
def or_(op: Bound) -> Nest:
    """max(a, b)"""
    return _elementwise(op, call("larger", Load(0), Load(1)))


@entry("Xor", pointwise=True, take=BOOL)
def xor(op: Bound) -> Nest:
    """|a - b|"""
    return _elementwise(op, call("abs", call("sub", Load(0), Load(1))))


@entry("Where", pointwise=True, take=ANY, other_types={0: BOOL})
def where(op: Bound) -> Nest:
    """a where the mask is set, else b"""
    return _elementwise(op, call("select", Load(0), Load(1), Load(2)))
