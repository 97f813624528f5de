"""An operator in two: sums that wait, in numbers of their own width, and what is made of them.

QMean [1,8,6,6] -> int8 [1,8,1,1]     becomes     Sums -> int32 [1,8,1,1],  Finish -> int8
"""

from __future__ import annotations

from dataclasses import replace

from lowtide.ir.dtype import F32
from lowtide.ir.graph import CARRIED
from lowtide.ir.nest import Nest, Read
from lowtide.ir.value import Acc, Load, Value, loads, rebuild
from lowtide.ops.entry import Bound, entry


@entry("Sums", attributes={"nest": None}, take=(F32, *CARRIED))
def sums(op: Bound) -> Nest:
    """Not ONNX's: the first part of an operator that adds up: the sums so far, as rows come."""
    return _given(op)


@entry("Finish", attributes={"nest": None}, take=(F32, *CARRIED))
def finish(op: Bound) -> Nest:
    """Not ONNX's: the second part of an operator that adds up: what it makes of its Sums."""
    return _given(op)


def _given(op: Bound) -> Nest:
    """The nest that it was parted into."""
    nest = op.attribute("nest")
    assert isinstance(nest, Nest)
    return nest


def sums_of(nest: Nest) -> Nest:
    """The nest that stores its only outermost reduction as it is."""
    (k,) = nest.within(None)
    return _pruned(replace(nest, finish=Acc(k)))


def finish_of(nest: Nest, sums: int) -> Nest:
    """What the nest makes of that reduction, which is its operand number `sums`."""
    (k,) = nest.within(None)
    waiting = Load(len(nest.reads))
    reads = (*nest.reads, Read(sums, nest.axes))
    finish = rebuild(nest.finish, lambda value: waiting if value == Acc(k) else value)
    return _pruned(replace(nest, reads=reads, reductions=(), finish=finish))


def _pruned(nest: Nest) -> Nest:
    """The nest without reads that nothing uses."""
    used = sorted(frozenset[int]().union(*map(loads, nest.values)))
    number = {old: new for new, old in enumerate(used)}

    def change(value: Value) -> Value:
        return Load(number[value.read]) if isinstance(value, Load) else value

    reductions = tuple(
        replace(one, start=rebuild(one.start, change), update=rebuild(one.update, change))
        for one in nest.reductions
    )
    reads = tuple(nest.reads[k] for k in used)
    finish = rebuild(nest.finish, change)
    return replace(nest, reads=reads, reductions=reductions, finish=finish)
