"""Two nests made into one: a pointwise operator after another, or a producer inside its reader."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from math import prod

import numpy as np

from lowtide.ir.graph import Shape
from lowtide.ir.index import Index, Var
from lowtide.ir.nest import Nest, Reduction
from lowtide.ir.value import Acc, Call, Chosen, FromIndex, FromTable, Load, Value, loads, rebuild


def compose(nest: Nest, outer: Nest, running: int, operands: int) -> Nest:
    """Returns one nest that computes `nest` and applies the pointwise nest `outer` to its result.

    `running` is the operand of `outer` that stands for the result. The other operands of `outer`
    become operands `operands`, `operands + 1`, ... of the new nest, in their order. Both compute in
    the same arithmetic.
    """
    assert nest.arithmetic == outer.arithmetic
    others = sorted({read.operand for read in outer.reads} - {running})
    number_of = {operand: operands + i for i, operand in enumerate(others)}
    kept = [i for i, read in enumerate(outer.reads) if read.operand != running]
    moved = tuple(replace(outer.reads[i], operand=number_of[outer.reads[i].operand]) for i in kept)
    place = {i: len(nest.reads) + k for k, i in enumerate(kept)}

    def change(value: Value) -> Value:
        if not isinstance(value, Load):
            return value
        return Load(place[value.read]) if value.read in place else nest.finish

    # The running value must not be rebuilt itself: its loads are numbered already.
    finish = _splice(outer.finish, change)
    return replace(nest, reads=nest.reads + moved, finish=finish)


def _splice(value: Value, change: Callable[[Value], Value]) -> Value:
    if isinstance(value, Call):
        return Call(value.function, tuple(_splice(a, change) for a in value.arguments))
    if isinstance(value, Chosen):
        return replace(value, at=_splice(value.at, change))
    return change(value)


def inline(producer: Nest, consumer: Nest) -> Nest:
    """Returns `consumer` with its operand computed by `producer` wherever it is read.

    `consumer` must have one reduction over one operand; both compute in the same arithmetic.

    max over py, px of conv[2y + py, 2x + px]    conv[y, x] = sum over ky, kx of ...
    -> max over py, px of (sum over ky, kx of ... at 2y + py, 2x + px)
    """
    assert producer.arithmetic == consumer.arithmetic
    (read,), (reduction,) = consumer.reads, consumer.reductions
    taken = {v.name for one in producer.reductions for v in one.loops}
    loops = {v.name: Var(_free(f"p{v.name}", taken), v.extent) for v in reduction.loops}
    renamed = {name: Index(((v, 1),)) for name, v in loops.items()}
    at = [index.substitute(renamed) for index in read.index]
    by = {
        v.name: index for axis, index in zip(producer.axes, at, strict=True) for v in axis.variables
    }
    count = len(producer.reductions)

    def moved(value: Value) -> Value:
        if isinstance(value, FromIndex | FromTable):
            return replace(value, index=value.index.substitute(by))
        return value

    def updated(value: Value) -> Value:
        if isinstance(value, Load):
            return rebuild(producer.finish, moved)
        if isinstance(value, FromIndex | FromTable):  # of the consumer: its loops have new names
            return replace(value, index=value.index.substitute(renamed))
        return Acc(count) if isinstance(value, Acc) else value

    def finished(value: Value) -> Value:
        return Acc(count) if isinstance(value, Acc) else value

    reads = tuple(
        replace(
            one,
            index=tuple(i.substitute(by) for i in one.index),
            zero=tuple(i.substitute(by) for i in one.zero),
        )
        for one in producer.reads
    )
    inner = tuple(
        Reduction(
            one.loops,
            rebuild(one.start, moved),
            rebuild(one.update, moved),
            count if one.inside is None else one.inside,
        )
        for one in producer.reductions
    )
    outer = Reduction(tuple(loops.values()), reduction.start, _splice(reduction.update, updated))
    finish = _splice(consumer.finish, finished)
    return replace(consumer, reads=reads, reductions=(*inner, outer), finish=finish)


def _free(name: str, taken: Collection[str]) -> str:
    """A name of a loop that those inside it do not have: pools in pools have loops of one name."""
    while name in taken:
        name = f"p{name}"
    return name


def reads_each_once(nest: Nest, shape: Shape) -> bool:
    """Whether `nest` reduces a single operand, of `shape`, and reads each element exactly once."""
    if len(nest.reads) != 1 or len(nest.reductions) != 1 or nest.reads[0].zero:
        return False
    if loads(nest.finish) or loads(nest.reductions[0].start):
        return False
    known = {v for axis in nest.axes for v in axis.variables} | {
        v for v in nest.reductions[0].loops if v.extent > 1
    }
    for index, extent in zip(nest.reads[0].index, shape, strict=True):
        own = sorted(index.variables, key=lambda v: v.name)
        if not set(own) <= known:
            return False  # two axes share a variable
        known -= set(own)
        grid = np.meshgrid(*(np.arange(v.extent) for v in own), indexing="ij")
        at = np.unique(index.evaluate({v.name: held for v, held in zip(own, grid, strict=True)}))
        if len(at) != prod(v.extent for v in own) or at[0] < 0 or at[-1] >= extent:
            return False
    return not known
