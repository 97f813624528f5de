"""Operators that move elements, or see them differently."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import tflite

from lowtide.frontends.tflite import tables
from lowtide.frontends.tflite.network import FIRST
from lowtide.frontends.tflite.site import Site, operator
from lowtide.ir.dtype import U8
from lowtide.ir.graph import Shape


def _ints(held: Any) -> list[int]:
    """A list of the options; flatbuffers hand on 0 for one that is not there."""
    return [] if isinstance(held, int) else [int(v) for v in held]


def ints(op: Site, k: int) -> list[int]:
    """A list of numbers that must be known."""
    return [int(v) for v in np.ravel(op.constant(k))]


def same_numbers(op: Site, *inputs: int) -> None:
    """Refuses an operator that moves elements of one type to one of another.

    Whole numbers are moved as they are: the runtimes do not look at their scales.
    """
    kinds = {op.input(k).dtype for k in inputs} | {op.output().dtype}
    if len(kinds) > 1:
        raise op.refuse(f"not supported between {' and '.join(sorted(map(str, kinds)))}")


def axis_of(op: Site, given: int, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= given < rank:
        raise op.refuse(f"not supported: axis {given} of {rank}")
    return given % rank


@operator("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(op: Site) -> None:
    """The same elements with other axes, those of the output."""
    same_numbers(op, 0)
    count, held = prod(op.input(0).shape), op.output()
    if prod(held.shape) != count and op.node.kind == "RESHAPE":
        op.shape(_asked(op, count))
    if prod(op.output().shape) != count:
        raise op.refuse(f"{[*op.input(0).shape]} made {[*op.output().shape]}")
    op.make("Reshape", [op.name(0)], attributes={"shape": op.output().shape})


def _asked(op: Site, count: int) -> Shape:
    """The shape that the second input asks for, or the options; -1 is what is left."""
    asked = ints(op, 1) if op.has(1) else _ints(op.options(tflite.ReshapeOptions).NewShapeAsNumpy())
    rest = prod(n for n in asked if n >= 0)
    return tuple(n if n >= 0 else count // max(rest, 1) for n in asked)


@operator("TRANSPOSE")
def transpose(op: Site) -> None:
    """Axes in another order."""
    same_numbers(op, 0)
    op.make("Transpose", [op.name(0)], attributes={"perm": tuple(ints(op, 1))})


@operator("CONCATENATION")
def concatenation(op: Site) -> None:
    """Inputs side by side; uint8 ones get the output's scale first."""
    options, count, rank = (
        op.options(tflite.ConcatenationOptions),
        len(op.node.inputs),
        len(op.output().shape),
    )
    if options.FusedActivationFunction():
        raise op.refuse("not supported: a fused activation")
    axis, every = axis_of(op, options.Axis(), rank), range(count)
    first = op.input(0).shape
    others = {(*s[:axis], *s[axis + 1 :]) for s in (op.input(k).shape for k in every)}
    if len(others) > 1 or len(first) != rank:
        raise op.refuse(
            f"not supported for shapes that differ beside axis {axis}: {sorted(others)}"
        )
    total = sum(op.input(k).shape[axis] for k in every)
    op.shape((*first[:axis], total, *first[axis + 1 :]))
    image = rank == 4 and any(op.net.is_image(op.input(k).number) for k in every)
    eight = op.input(0).dtype == U8 and op.output().dtype == U8
    if not eight:
        same_numbers(op, *every)
        quants = [t.quant for t in (*map(op.input, every), op.output())]
        if len({(q.scales, q.zeros) for q in quants if q is not None}) > 1:
            raise op.refuse("not supported for int8 numbers between two scales")
    names = [_rescaled(op, k, image) if eight else op.name(k, image) for k in every]
    op.make("Concat", names, image, {"axis": FIRST.index(axis) if image else axis})


def _rescaled(op: Site, k: int, image: bool) -> str:
    """An input of uint8 numbers as those of the output's scale."""
    held, y = op.input(k), op.output()
    if held.dtype != U8:
        raise op.refuse(f"'{held.name}' is {held.dtype}; uint8 is needed")
    name, x, out = op.name(k, image), op.scale(held), op.scale(y)
    if x == out:
        return name
    inverse = np.float32(1) / np.float32(out[0])
    factor = np.float32(x[0]) * inverse
    bias = np.float32(-x[1]) * factor
    real = np.arange(256, dtype=np.float32) * factor + bias
    shape = tuple(held.shape[a] for a in FIRST) if image else held.shape
    table = tables.table(tables.rounded(real), out[1], 0, 255)
    return op.between("QLookup", [name], shape, U8, y.quant, table=table)


@operator("SPLIT", "SPLIT_V")
def split(op: Site) -> None:
    """Slices of the input, one after the other."""
    value, along = (1, 0) if op.node.kind == "SPLIT" else (0, 2)
    same_numbers(op, value)
    (given,) = ints(op, along)
    every, shape = range(len(op.node.outputs)), op.input(value).shape
    axis = axis_of(op, given, len(shape))
    sizes = [shape[axis] // len(every)] * len(every)
    if op.node.kind == "SPLIT_V":
        sizes = ints(op, 1)
        rest = shape[axis] - sum(n for n in sizes if n >= 0)
        sizes = [n if n >= 0 else rest for n in sizes]
    if len(sizes) != len(every) or sum(sizes) != shape[axis] or min(sizes, default=0) < 1:
        raise op.refuse(f"{sizes} of an axis of {shape[axis]} for {len(every)} outputs")
    for k in every:
        op.shape((*shape[:axis], sizes[k], *shape[axis + 1 :]), k)
    op.make("Split", [op.name(value)], attributes={"axis": axis}, outputs=every)


@operator("UNPACK")
def unpack(op: Site) -> None:
    """Slices of the input, without the axis that is cut."""
    same_numbers(op, 0)
    held, every = op.input(0), range(len(op.node.outputs))
    axis = axis_of(op, op.options(tflite.UnpackOptions).Axis(), len(held.shape))
    if len(every) != held.shape[axis]:
        raise op.refuse(f"{len(every)} outputs of an axis of {held.shape[axis]}")
    for k in every:
        shape = (*held.shape[:axis], 1, *held.shape[axis + 1 :])
        part = op.between(
            "Slice", [op.name(0)], shape, held.dtype, held.quant,
            starts=[k], ends=[k + 1], axes=[axis],
        )  # fmt: skip
        op.make("Reshape", [part], attributes={"shape": op.output(k).shape}, outputs=(k,))


@operator("PACK")
def pack(op: Site) -> None:
    """Inputs side by side along an axis of their own."""
    every = range(len(op.node.inputs))
    shapes = {op.input(k).shape for k in every}
    same_numbers(op, *every)
    if len(shapes) != 1:
        raise op.refuse(f"not supported for {len(shapes)} shapes")
    (one,) = shapes
    axis, names = axis_of(op, op.options(tflite.PackOptions).Axis(), len(one) + 1), []
    op.shape((*one[:axis], len(every), *one[axis:]))
    for k in every:
        held = op.input(k)
        shape = (*held.shape[:axis], 1, *held.shape[axis:])
        names.append(
            op.between("Reshape", [op.name(k)], shape, held.dtype, held.quant, shape=shape)
        )
    op.make("Concat", names, attributes={"axis": axis})


@operator("TILE")
def tile(op: Site) -> None:
    """The whole tensor again and again."""
    same_numbers(op, 0)
    times, shape = ints(op, 1), op.input(0).shape
    if len(times) != len(shape) or min(times, default=1) < 1:
        raise op.refuse(f"{times} times {[*shape]}")
    op.shape(tuple(n * t for n, t in zip(shape, times, strict=True)))
    op.make("Tile", [op.name(0)], attributes={"repeats": times})


@operator("GATHER")
def gather(op: Site) -> None:
    """Chosen elements of an axis."""
    same_numbers(op, 0)
    options, size = op.options(tflite.GatherOptions), op.input(0).shape
    axis = axis_of(op, options.Axis(), len(size))
    chosen = op.constant(1)
    if options.BatchDims():
        raise op.refuse("by batches")
    if chosen.size == 0 or chosen.min() < 0 or chosen.max() >= size[axis]:
        raise op.refuse(f"places outside an axis of {size[axis]}")
    op.shape((*size[:axis], *chosen.shape, *size[axis + 1 :]))
    op.make("Gather", [op.name(0), op.name(1)], attributes={"axis": axis})


@operator("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def depth_to_space(op: Site) -> None:
    """Channels become blocks of pixels, and back."""
    same_numbers(op, 0)
    deep = op.node.kind == "DEPTH_TO_SPACE"
    kind = tflite.DepthToSpaceOptions if deep else tflite.SpaceToDepthOptions
    attributes = {"blocksize": op.options(kind).BlockSize()}
    op.make("DepthToSpace" if deep else "SpaceToDepth", [op.name(0, image=True)], True, attributes)


@operator("REVERSE_V2")
def reverse(op: Site) -> None:
    """Axes backwards."""
    same_numbers(op, 0)
    shape = op.input(0).shape
    op.shape(shape)
    axes = [axis_of(op, a, len(shape)) for a in ints(op, 1)]
    given = {
        "axes": axes, "steps": [-1] * len(axes),
        "starts": [shape[a] - 1 for a in axes], "ends": [-shape[a] - 1 for a in axes],
    }  # fmt: skip
    op.make("Slice", [op.name(0)], attributes=given)


@operator("GATHER_ND")
def gather_nd(op: Site) -> None:
    """Chosen elements of the first axes together."""
    same_numbers(op, 0)
    held, chosen = op.input(0), op.constant(1).astype(np.int64)
    count = chosen.shape[-1] if chosen.ndim else 0
    first = held.shape[:count]
    if not 0 < count <= len(held.shape) or (chosen < 0).any() or (chosen >= first).any():
        raise op.refuse(f"places outside axes of {[*first]}")
    places = np.ravel_multi_index(tuple(np.moveaxis(chosen, -1, 0)), first)
    flat = (prod(first), *held.shape[count:])
    op.shape((*places.shape, *flat[1:]))
    x = op.between("Reshape", [op.name(0)], flat, held.dtype, held.quant, shape=flat)
    op.make("Gather", [x, op.add_constant(places, "places")], attributes={"axis": 0})


@operator("BROADCAST_TO")
def broadcast_to(op: Site) -> None:
    """Axes of extent 1 repeated."""
    same_numbers(op, 0)
    shape: Shape = op.output().shape
    op.make("Expand", [op.name(0)], attributes={"shape": shape})
