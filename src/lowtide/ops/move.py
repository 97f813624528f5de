"""Operators that repeat or pick elements."""

from __future__ import annotations

import numpy as np

from lowtide.ir.index import lookup, ravel
from lowtide.ir.nest import Nest, Read, axes_of, broadcast
from lowtide.ir.value import Load
from lowtide.ops.entry import ANY, Bound, entry


@entry("Expand", parameters={"shape": 1}, take=ANY)
def expand(op: Bound) -> Nest:
    """Axes of extent 1 repeated, by numpy's rule."""
    axes = axes_of(op.out)
    return Nest(op.out, axes, (Read(0, broadcast(axes, op.shape(0))),), (), Load(0))


@entry("Tile", parameters={"repeats": 1}, take=ANY)
def tile(op: Bound) -> Nest:
    """The whole tensor again and again: out[i] = in[i % extent]."""
    axes = axes_of(op.out)
    index = tuple(axis % extent for axis, extent in zip(axes, op.shape(0), strict=True))
    return Nest(op.out, axes, (Read(0, index),), (), Load(0))


@entry("GatherElements", attributes={"axis": 0}, parameters={"indices": 1}, take=ANY)
def gather_elements(op: Bound) -> Nest:
    """For each output element a place along the axis, known before."""
    axes = axes_of(op.out)
    axis = int(op.attribute("axis")) % len(op.out)
    chosen = np.ravel(op.constants[1] % op.shape(0)[axis])
    index = list(axes)
    index[axis] = lookup(chosen.tolist(), ravel(axes, op.out))
    return Nest(op.out, axes, (Read(0, tuple(index)),), (), Load(0))


@entry("Pick", attributes={"places": ()}, order="channels_last", take=ANY)
def pick(op: Bound) -> Nest:
    """Not ONNX's: on each axis the places that are named, in their order; () names all."""
    axes, places = axes_of(op.out), op.attribute("places")
    for named, extent, size in zip(places, op.out, op.shape(0), strict=True):
        if len(named or range(size)) != extent or not {*named} <= {*range(size)}:
            raise op.refuse(f"{len(named)} places of an axis of {size} for one of {extent}")
    index = tuple(
        lookup(named, axis) if named else axis for named, axis in zip(places, axes, strict=True)
    )
    return Nest(op.out, axes, (Read(0, index),), (), Load(0))
