"""Where TensorFlow Lite Micro is to put each tensor, and in which order to run the operators.

It runs them in the file's order, one after the other. A tensor lives from the operator that makes
it to the last that reads it; inputs live from the start, outputs to the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lowtide.backends.tflite.outline import Outline
from lowtide.backends.tflite.reach import forbidden
from lowtide.backends.tflite.rewrite import ONLINE
from lowtide.placers import place
from lowtide.placers.problem import Block, Interval, Problem
from lowtide.schedules.least_peak import OrderProblem, given_order, least_peak

ALIGN = 16
"""TensorFlow Lite Micro's: sizes are rounded up to it."""


@dataclass(frozen=True)
class HeadPlan:
    """Operators in their order, an offset for each tensor of the file, and the bytes of the head.

    `proven`: no placement of these lifetimes is smaller.
    """

    order: tuple[int, ...]
    offsets: tuple[int, ...]
    head_bytes: int
    overlaps: bool
    proven: bool


def plan_head(
    outline: Outline, *, order: str, overlap: bool, how: str, scratch: Mapping[int, int]
) -> HeadPlan:
    """The best plan of the given order and of the one of least peak.

    `scratch` are bytes that kernels ask for while they run, by operator.
    """
    steps = order_problem(outline, scratch)
    orders = [tuple(range(len(outline.nodes)))]
    if order == "least" and outline.any_order:
        least = least_peak(steps).steps
        orders = [*orders, least] if least != orders[0] else orders
    assert given_order(steps).steps == orders[0]
    plans = [_planned(outline, one, overlap, how, scratch) for one in orders]
    return min(plans, key=lambda plan: plan.head_bytes)


def rounded(size: int) -> int:
    """As the interpreter rounds it."""
    return -(-size // ALIGN) * ALIGN


def order_problem(outline: Outline, scratch: Mapping[int, int]) -> OrderProblem:
    """Operators as steps, planned tensors and scratch as storages."""
    storages = {k: at for at, k in enumerate(outline.planned)}
    sizes = [rounded(outline.tensors[k].bytes) for k in outline.planned]
    uses = [{storages[k] for k in (*n.inputs, *n.outputs) if k in storages} for n in outline.nodes]
    for node, size in scratch.items():
        uses[node].add(len(sizes))
        sizes.append(size)
    makers = {k: at for at, node in enumerate(outline.nodes) for k in node.outputs}
    after = [frozenset(makers[k] for k in node.inputs if k in makers) for node in outline.nodes]
    return OrderProblem(
        tuple(sizes),
        tuple(frozenset(one) for one in uses),
        tuple(after),
        frozenset(storages[k] for k in outline.inputs if k in storages),
        frozenset(storages[k] for k in outline.outputs if k in storages),
    )


def lives(outline: Outline, order: Sequence[int]) -> dict[int, tuple[int, int]]:
    """First and last moment of each planned tensor that is used; operator k of the order is k + 1.

    Inputs are there at moment 0, outputs until behind the last operator.
    """
    found: dict[int, tuple[int, int]] = {}
    moments: list[tuple[int, Sequence[int]]] = [(0, outline.inputs)]
    for moment, number in enumerate(order, 1):
        node = outline.nodes[number]
        moments.append((moment, (*node.inputs, *node.outputs)))
    moments.append((len(order) + 1, outline.outputs))
    for moment, used in moments:
        for k in used:
            if k >= 0 and outline.tensors[k].bytes:
                found[k] = (found.get(k, (moment, moment))[0], moment)
    return found


def _planned(
    outline: Outline, order: tuple[int, ...], overlap: bool, how: str, scratch: Mapping[int, int]
) -> HeadPlan:
    alive = lives(outline, order)
    numbers = list(alive)
    blocks = [
        Block(outline.tensors[k].name, rounded(outline.tensors[k].bytes), first, last + 1)
        for k, (first, last) in alive.items()
    ]
    moment = {number: at for at, number in enumerate(order, 1)}
    blocks += [
        Block(f"scratch of {outline.nodes[n].name}", rounded(size), moment[n], moment[n] + 1)
        for n, size in scratch.items()
    ]
    meet = dict(_apart(blocks))
    if overlap:
        meet |= _over_inputs(outline, order, alive, numbers)
    problem = Problem(tuple(blocks), ALIGN, {k: v for k, v in meet.items() if v}, _bound(blocks))
    placed = place(problem, how)
    idle = [k for k in outline.planned if k not in alive]
    offsets = [ONLINE] * (len(outline.tensors) + outline.more)
    for k in idle:
        offsets[k] = 0
    for k, at in zip(numbers, placed.offsets, strict=False):
        offsets[k] = at
    head = max([placed.arena_bytes, *(rounded(outline.tensors[k].bytes) for k in idle)])
    return HeadPlan(order, tuple(offsets), head, overlap, placed.proven)


def _apart(blocks: Sequence[Block]) -> Iterator[tuple[tuple[int, int], tuple[Interval, ...]]]:
    """Those that live at one moment lie apart."""
    for j, b in enumerate(blocks):
        for i, a in enumerate(blocks[:j]):
            if a.start < b.stop and b.start < a.stop:
                yield (i, j), ((-a.size, b.size),)


def _over_inputs(
    outline: Outline,
    order: Sequence[int],
    alive: Mapping[int, tuple[int, int]],
    numbers: Sequence[int],
) -> Iterator[tuple[tuple[int, int], tuple[Interval, ...]]]:
    """An output and an input of one operator that are there together only while it runs."""
    index = {k: at for at, k in enumerate(numbers)}
    for moment, number in enumerate(order, 1):
        node = outline.nodes[number]
        for x in {*node.inputs} & alive.keys():
            for y in {*node.outputs} & alive.keys() if len(node.outputs) == 1 else ():
                if alive[x][1] == moment == alive[y][0]:
                    found = forbidden(outline, node, x)
                    i, j = index[x], index[y]
                    turned = tuple((-high, -low) for low, high in reversed(found))
                    yield ((j, i), found) if j < i else ((i, j), turned)


def _bound(blocks: Sequence[Block]) -> int:
    """No placement is smaller: of what begins and what ends in a moment one may hide the other."""
    found = 0
    for moment in {block.start for block in blocks}:
        here = [b for b in blocks if b.start <= moment < b.stop]
        stay = sum(b.size for b in here if b.start < moment < b.stop - 1)
        born = sum(b.size for b in here if b.start == moment)
        dying = sum(b.size for b in here if b.start < moment == b.stop - 1)
        found = max(found, stay + max(born, dying))
    return found
