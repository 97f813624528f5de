"""Reductions: an axis, or several, become one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isqrt, prod

from lowtide.ir.index import Index, Var, index_of
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, FromIndex, Load, Number, Value, call, rebuild
from lowtide.ops.entry import CHOSEN, WHOLE, Bound, entry, ints

_ATTRIBUTES = {"keepdims": 1, "noop_with_empty_axes": 0}
MOST_EXACT = 2**24
"""Whole numbers up to here are exact in float32."""


MOST_IN_A_ROW = 1024
"""Terms that ReduceSum and its like add one after the other; of more, rows are added first."""

MOST_AT_ONCE = 2**14
"""Terms that any sum adds one after the other: in float32 more of them miss 1e-5 of the sum."""


@dataclass(frozen=True)
class Over:
    """The elements a reduction goes over: its loops, and the input element that they point at.

    `count` is how many elements there are; loops may run past the end, where there is padding.
    """

    loops: tuple[Var, ...]
    index: tuple[Index, ...]
    count: int


def over(op: Bound, axes: tuple[int, ...], kept: bool) -> Over:
    """The loops of a reduction of input 0 over `axes`, which the output drops or keeps as 1."""
    extents, rest = op.shape(0), list(axes_of(op.out))
    loops, index = [], []
    for a, extent in enumerate(extents):
        if a not in axes:
            index.append(rest.pop(0))
            continue
        loops.append(Var(f"r{a}", extent))
        index.append(index_of(loops[-1]))
        if kept:
            rest.pop(0)
    return Over(tuple(loops), tuple(index), prod(v.extent for v in loops))


def total(found: Over, term: Value, number: int = 0, most: int = MOST_AT_ONCE) -> list[Reduction]:
    """Reductions that sum `term`, numbered from `number` on; the last of them has the result.

    More than `most` terms are summed in rows, and then the rows' sums, which is more exact:

        acc0 += x[r0, r1] over r0, r1    ->    over r0:  acc1 += (acc0 += x[r0, r1] over r1)
    """
    levels = _levels(found.loops, most) if found.count > most else [found.loops]
    made, last = list[Reduction](), number + len(levels) - 1
    for k, loops in enumerate(reversed(levels), start=number):
        update = call("add", Acc(k), Acc(k - 1) if made else term)
        made.append(Reduction(loops, Number(0.0), update, inside=k + 1 if k < last else None))
    return made


def _levels(loops: tuple[Var, ...], most: int) -> list[tuple[Var, ...]]:
    """Loops in groups of at most `most` rounds, or of one loop; the outermost first."""
    levels = []
    while loops:
        fits = (k for k in range(len(loops), 1, -1) if _rounds(loops[:k]) <= most)
        cut = next(fits, 1)
        levels.append(loops[:cut])
        loops = loops[cut:]
    return levels


def _rounds(loops: Sequence[Var]) -> int:
    return prod(v.extent for v in loops)


def in_rows(found: Over) -> Over:
    """The same elements, with loops of more than MOST_AT_ONCE rounds cut in two."""
    loops, by = list[Var](), dict[str, Index]()
    for loop in found.loops:
        if loop.extent <= MOST_AT_ONCE:
            loops.append(loop)
            continue
        near = isqrt(loop.extent)
        length = next((n for n in range(near, near // 4, -1) if loop.extent % n == 0), near)
        outer, inner = Var(loop.name, -(-loop.extent // length)), Var(f"{loop.name}i", length)
        loops += [outer, inner]
        by[loop.name] = index_of(outer) * length + index_of(inner)
    return Over(tuple(loops), tuple(i.substitute(by) for i in found.index), found.count)


def _over(op: Bound) -> Over:
    rank = len(op.shape(0))
    given = op.parameter("axes")
    axes = tuple(a % rank for a in ints([] if given is None else given))
    if not axes and not op.attribute("noop_with_empty_axes"):
        axes = tuple(range(rank))
    return over(op, axes, bool(op.attribute("keepdims")))


def _reduced(op: Bound, start: float, function: str, term: Value, finish: Value) -> Nest:
    """`term` of each element put together by `function`, and `finish` of that, Acc(0)."""
    found = _over(op)
    if function == "add":
        found = in_rows(found)
        made = total(found, term, most=MOST_IN_A_ROW)
    else:
        made = [Reduction(found.loops, Number(start), call(function, Acc(0), term))]
    last = Acc(len(made) - 1)
    ended = rebuild(finish, lambda value: last if value == Acc(0) else value)
    return Nest(op.out, axes_of(op.out), (Read(0, found.index),), tuple(made), ended)


@entry("ReduceSum", attributes=_ATTRIBUTES, parameters={"axes": 1})
def reduce_sum(op: Bound) -> Nest:
    """The sum."""
    return _reduced(op, 0.0, "add", Load(0), Acc(0))


@entry("ReduceMean", attributes=_ATTRIBUTES, parameters={"axes": 1})
def reduce_mean(op: Bound) -> Nest:
    """The mean."""
    return _reduced(op, 0.0, "add", Load(0), call("div", Acc(0), _over(op).count))


@entry("ReduceMax", attributes=_ATTRIBUTES, parameters={"axes": 1}, take=CHOSEN)
def reduce_max(op: Bound) -> Nest:
    """The largest."""
    return _reduced(op, -inf, "max", Load(0), Acc(0))


@entry("ReduceMin", attributes=_ATTRIBUTES, parameters={"axes": 1}, take=CHOSEN)
def reduce_min(op: Bound) -> Nest:
    """The smallest."""
    return _reduced(op, inf, "min", Load(0), Acc(0))


@entry("ReduceProd", attributes=_ATTRIBUTES, parameters={"axes": 1})
def reduce_prod(op: Bound) -> Nest:
    """The product."""
    return _reduced(op, 1.0, "mul", Load(0), Acc(0))


@entry("ReduceL1", attributes=_ATTRIBUTES, parameters={"axes": 1})
def reduce_l1(op: Bound) -> Nest:
    """The sum of absolute values."""
    return _reduced(op, 0.0, "add", call("abs", Load(0)), Acc(0))


@entry("ReduceSumSquare", attributes=_ATTRIBUTES, parameters={"axes": 1})
def reduce_sum_square(op: Bound) -> Nest:
    """The sum of squares."""
    return _reduced(op, 0.0, "add", call("mul", Load(0), Load(0)), Acc(0))


@entry("ReduceL2", attributes=_ATTRIBUTES, parameters={"axes": 1})
def reduce_l2(op: Bound) -> Nest:
    """The root of the sum of squares."""
    return _reduced(op, 0.0, "add", call("mul", Load(0), Load(0)), call("sqrt", Acc(0)))


@entry("ReduceLogSum", attributes=_ATTRIBUTES, parameters={"axes": 1})
def reduce_log_sum(op: Bound) -> Nest:
    """The logarithm of the sum."""
    return _reduced(op, 0.0, "add", Load(0), call("log", Acc(0)))


@entry("ReduceLogSumExp", attributes=_ATTRIBUTES, parameters={"axes": 1})
def reduce_log_sum_exp(op: Bound) -> Nest:
    """log(sum of exp(x)), as max + log(sum of exp(x - max))."""
    found = in_rows(_over(op))
    largest = Reduction(found.loops, Number(-inf), call("max", Acc(0), Load(0)))
    sums = total(found, call("exp", call("sub", Load(0), Acc(0))), 1)
    finish = call("add", Acc(0), call("log", Acc(len(sums))))
    reads = (Read(0, found.index),)
    return Nest(op.out, axes_of(op.out), reads, (largest, *sums), finish)


@entry(
    "ArgMax",
    "ArgMin",
    attributes={"axis": 0, "keepdims": 1, "select_last_index": 0},
    take=CHOSEN,
    makes=WHOLE,
)
def arg_extreme(op: Bound) -> Nest:
    """Where the largest (smallest) element of an axis is, the first or the last of them."""
    axis = int(op.attribute("axis")) % len(op.shape(0))
    found = over(op, (axis,), bool(op.attribute("keepdims")))
    if found.count > MOST_EXACT:
        raise op.refuse(
            f"an axis of {found.count} elements is too long: positions are exact to {MOST_EXACT}"
        )
    sign, function = (-inf, "max") if op.type == "ArgMax" else (inf, "min")
    extreme = Reduction(found.loops, Number(sign), call(function, Acc(0), Load(0)))
    place, last = FromIndex(found.index[axis]), bool(op.attribute("select_last_index"))
    other, choose = (-1.0, "max") if last else (float(found.count), "min")
    here = call("select", call("equal", Load(0), Acc(0)), place, other)
    chosen = Reduction(found.loops, Number(other), call(choose, Acc(1), here))
    reads = (Read(0, found.index),)
    return Nest(op.out, axes_of(op.out), reads, (extreme, chosen), Acc(1))


@entry("CumSum", attributes={"exclusive": 0, "reverse": 0}, parameters={"axis": 1})
def cumulative_sum(op: Bound) -> Nest:
    """out[i] = the sum of in[k] for k <= i: in[i - r] for all r >= 0, where there is one."""
    (axis,) = ints(op.parameter("axis"))
    axes, rank = axes_of(op.out), len(op.out)
    axis %= rank
    back = Var("r", op.out[axis])
    distance = index_of(back) + int(op.attribute("exclusive"))
    index = list(axes)
    index[axis] = axes[axis] + distance if op.attribute("reverse") else axes[axis] - distance
    reduction = Reduction((back,), Number(0.0), call("add", Acc(0), Load(0)))
    return Nest(op.out, axes, (Read(0, tuple(index)),), (reduction,), Acc(0))
