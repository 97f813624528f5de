"""Images of 8-bit numbers made larger or smaller, four pixels mixed."""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.ir.dtype import F32, I32
from lowtide.ir.index import Index, Var, index_of, lookup
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, FromIndex, FromTable, Load, Number, Value, call
from lowtide.ops.eight.finish import EIGHT
from lowtide.ops.entry import Bound, entry

PART = 1 << 20
"""Weights of both axes, each in parts of 1024."""


@entry(
    "QResize",
    attributes={"places": ((), ()), "weights": ((), ()), "real": 0},
    order="channels_last",
    take=EIGHT,
)
def resize(op: Bound) -> Nest:
    """An image of 8-bit numbers in another size:
    round(sum over two pixels of each axis of x * weight), halves away from zero

    For rows and columns: `places` has the pixels that each place of the output mixes, two or one,
    `weights` theirs in parts of 1024; or, where they are `real`, in float32, and the sum + 1/2 is
    cut.
    """
    axes, index, loops = axes_of(op.out), list(axes_of(op.out)[:2]), list[Var]()
    value: Value = Load(0)
    real = bool(op.attribute("real"))
    for a, places, weights in zip(
        (2, 3), op.attribute("places"), op.attribute("weights"), strict=True
    ):
        taps = len(places) // op.out[a]
        if not len(places) == len(weights) == taps * op.out[a] or not taps:
            raise op.refuse(f"{len(places)} places for an axis of {op.out[a]}")
        tap = Var(f"k{a}", taps)
        at = axes[a] * taps + index_of(tap)
        index.append(_place(places, taps, axes[a], tap))
        weight = FromTable(tuple(weights), at) if real else FromIndex(lookup(weights, at))
        value = call("mul", value, weight)
        loops.insert(0, tap)  # columns before rows, as LiteRT adds them
    total = Reduction(tuple(loops), Number(0), call("add", Acc(0), value))
    finish = call("trunc", call("add", Acc(0), 0.5)) if real else call("mean", Acc(0), PART)
    reads = (Read(0, tuple(index)),)
    return Nest(op.out, axes, reads, (total,), finish, F32 if real else I32)


def _place(places: Sequence[int], taps: int, axis: Index, tap: Var) -> Index:
    """The pixel at tap `tap`: a table of the first ones where the others follow it."""
    first = places[::taps]
    if all(p == first[k // taps] + k % taps for k, p in enumerate(places)):
        return lookup(first, axis) + index_of(tap)
    return lookup(places, axis * taps + index_of(tap))
