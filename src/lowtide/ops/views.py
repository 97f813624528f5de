"""Operators that move nothing: their output is their input seen differently."""

from __future__ import annotations

from itertools import accumulate
from math import prod

import numpy as np

from lowtide.ir.graph import Shape
from lowtide.ir.index import lookup, ravel, unravel
from lowtide.ir.meaning import Join, Meaning, Views
from lowtide.ir.nest import Nest, Read, axes_of
from lowtide.ir.value import Load
from lowtide.ir.view import Permute, Reshape, Slice, View
from lowtide.ops.entry import ANY, Bound, entry, ints


def _one(*chain: View) -> Views:
    return Views((chain,))


@entry("Identity", take=ANY)
def identity(op: Bound) -> Views:
    """The input itself."""
    return _one()


@entry("Reshape", attributes={"allowzero": 0}, parameters={"shape": 1}, take=ANY)
def reshape(op: Bound) -> Views:
    """The same elements with other axes."""
    return _one(Reshape(op.out))


@entry("Flatten", attributes={"axis": 1}, take=ANY)
def flatten(op: Bound) -> Views:
    """All axes before `axis` as one, all after as another."""
    return _one(Reshape(op.out))


@entry("Squeeze", "Unsqueeze", parameters={"axes": 1}, take=ANY)
def squeeze(op: Bound) -> Views:
    """Axes of extent 1 dropped or added."""
    return _one(Reshape(op.out))


@entry("Transpose", attributes={"perm": None}, take=ANY)
def transpose(op: Bound) -> Views:
    """Axes in another order."""
    rank = len(op.shape(0))
    order = ints(op.attribute("perm") or range(rank - 1, -1, -1))
    if sorted(order) != [*range(rank)]:
        raise op.refuse(f"perm {[*order]} is no order of {rank} axes")
    return _one(Permute(order))


@entry("DepthToSpace", attributes={"blocksize": None, "mode": "DCR"}, take=ANY)
def depth_to_space(op: Bound) -> Views:
    """Channels become blocks of pixels."""
    n, c, h, w = op.shape(0)
    b = int(op.attribute("blocksize"))
    if op.attribute("mode") == "DCR":
        split, order = (n, b, b, c // (b * b), h, w), (0, 3, 4, 1, 5, 2)
    else:
        split, order = (n, c // (b * b), b, b, h, w), (0, 1, 4, 2, 5, 3)
    return _one(Reshape(split), Permute(order), Reshape(op.out))


@entry("SpaceToDepth", attributes={"blocksize": None, "mode": "DCR"}, take=ANY)
def space_to_depth(op: Bound) -> Views:
    """Blocks of pixels become channels."""
    n, c, h, w = op.shape(0)
    b = int(op.attribute("blocksize"))
    split = (n, c, h // b, b, w // b, b)
    order = (0, 3, 5, 1, 2, 4) if op.attribute("mode") == "DCR" else (0, 1, 3, 5, 2, 4)
    return _one(Reshape(split), Permute(order), Reshape(op.out))


@entry("Concat", attributes={"axis": None}, take=ANY)
def concat(op: Bound) -> Join:
    """The inputs side by side."""
    return Join(int(op.attribute("axis")) % len(op.out))


@entry("Split", attributes={"axis": 0, "num_outputs": None}, parameters={"split": 1}, take=ANY)
def split(op: Bound) -> Views:
    """Slices of the input, one after the other."""
    rank = len(op.out)
    axis = int(op.attribute("axis")) % rank
    extents = [tensor.shape[axis] for tensor in op.outputs]
    firsts = accumulate([0, *extents[:-1]])
    rows = zip(firsts, op.outputs, strict=True)
    return Views(tuple((_slice(rank, axis, first, 1, out.shape),) for first, out in rows))


def _slice(rank: int, axis: int, start: int, step: int, to: Shape) -> Slice:
    starts, steps = [0] * rank, [1] * rank
    starts[axis], steps[axis] = start, step
    return Slice(tuple(starts), tuple(steps), to)


@entry("Slice", parameters={"starts": 1, "ends": 2, "axes": 3, "steps": 4}, take=ANY)
def slice_(op: Bound) -> Views:
    """Every step-th element between two ends."""
    shape, rank = op.shape(0), len(op.out)
    first, last = ints(op.parameter("starts")), ints(op.parameter("ends"))
    over = [int(a) % rank for a in op.parameter("axes", range(len(first)))]
    stride = ints(op.parameter("steps", [1] * len(first)))
    starts, steps = [0] * rank, [1] * rank
    for k, a in enumerate(over):
        taken = range(shape[a])[first[k] : last[k] : stride[k]]
        if len(taken) != op.out[a]:
            raise op.refuse(f"axis {a} has {op.out[a]} elements, the slice {len(taken)}")
        starts[a], steps[a] = taken.start, taken.step
    return _one(Slice(tuple(starts), tuple(steps), op.out))


@entry("Gather", attributes={"axis": 0}, parameters={"indices": 1}, take=ANY)
def gather(op: Bound) -> Meaning:
    """Chosen elements of an axis: a slice where they are evenly spaced, else a copy."""
    shape = op.shape(0)
    axis = int(op.attribute("axis")) % len(shape)
    chosen = op.constants[1] % shape[axis]
    flat = [int(v) for v in np.ravel(chosen)]
    steps = {b - a for a, b in zip(flat, flat[1:], strict=False)} or {1}
    if len(steps) == 1 and 0 not in steps:
        to = (*shape[:axis], len(flat), *shape[axis + 1 :])
        return _one(_slice(len(shape), axis, flat[0], steps.pop(), to), Reshape(op.out))
    axes, inner = axes_of(op.out), chosen.ndim
    position = ravel(axes[axis : axis + inner], chosen.shape)
    at = (*axes[:axis], lookup(flat, position), *axes[axis + inner :])
    return Nest(op.out, axes, (Read(0, at),), (), Load(0))


@entry("Copy", attributes={"chain": ()}, take=ANY)
def copy(op: Bound) -> Nest:
    """Not ONNX's: the input seen through a chain of views, moved to a storage of its own."""
    return copied(op.out, op.attribute("chain"), op.shape(0))


def copied(to: Shape, chain: tuple[View, ...], of: Shape) -> Nest:
    """The nest that copies a tensor of shape `of`, seen through `chain`, to one of shape `to`."""
    shapes = [of]
    for view in chain:
        shapes.append(view.shape(shapes[-1]))
    if prod(shapes[-1]) != prod(to):
        raise ValueError(f"a copy of {shapes[-1]} into {to}")
    axes = axes_of(to)
    index = unravel(ravel(axes, to), shapes[-1]) if shapes[-1] != to else axes
    for view, shape in zip(reversed(chain), reversed(shapes[:-1]), strict=True):
        index = view.index(index, shape)
    return Nest(to, axes, (Read(0, tuple(index)),), (), Load(0))
