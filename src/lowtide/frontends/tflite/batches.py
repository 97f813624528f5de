"""Pixels that lie apart made images of their own, and back; a convolution between is dilated.

x ─> SPACE_TO_BATCH_ND ─> CONV_2D ─> BATCH_TO_SPACE_ND ─> y     ->     x ─> CONV_2D ─> y
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np
import tflite

from lowtide.frontends.tflite.moves import ints, same_numbers
from lowtide.frontends.tflite.site import Site, operator
from lowtide.frontends.tflite.stored import File, Node
from lowtide.ir.graph import Array

_CONVOLUTIONS = {
    "CONV_2D": tflite.Conv2DOptions,
    "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
}


def dilated(file: File) -> Iterator[Node]:
    """The operators of a file, those of a dilated convolution as the one that they are."""
    readers = Counter(k for node in file.nodes for k in node.inputs)
    readers.update(file.outputs)
    makers = {node.outputs[0]: node for node in file.nodes if node.outputs}
    reads = {node.inputs[0]: node for node in file.nodes if node.inputs}
    whole: dict[int, Node] = {}
    dropped: set[int] = set()
    for conv in file.nodes:
        if conv.kind not in _CONVOLUTIONS or not conv.inputs or not conv.outputs:
            continue
        before, behind = makers.get(conv.inputs[0]), reads.get(conv.outputs[0])
        if before is None or behind is None:
            continue
        alone = readers[conv.inputs[0]] == 1 == readers[conv.outputs[0]]
        if alone and (spread := _spread(file, before, conv, behind)):
            inputs = (before.inputs[0], *conv.inputs[1:])
            whole[behind.number] = replace(
                conv, inputs=inputs, outputs=behind.outputs, spread=spread
            )
            dropped |= {before.number, conv.number}
    for node in file.nodes:
        if node.number not in dropped:
            yield whole.get(node.number, node)


def _spread(
    file: File, before: Node, conv: Node, behind: Node
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Dilations and pads of a convolution between the two; None where it is none."""
    kinds = (before.kind, behind.kind)
    if kinds != ("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND") or len(behind.outputs) != 1:
        return None
    options = conv.options(_CONVOLUTIONS[conv.kind])
    given = (options.StrideH(), options.StrideW(), options.DilationHFactor(),
             options.DilationWFactor())  # fmt: skip
    if given != (1, 1, 1, 1) or options.Padding() != tflite.Padding.VALID:
        return None
    held = [[file.tensors[k].data for k in node.inputs[1:3]] for node in (before, behind)]
    if any(len(pair) != 2 or part is None for pair in held for part in pair):
        return None
    (block, pads), (block_too, crops) = held
    if block is None or pads is None or block_too is None or crops is None:
        return None
    whole = (file.tensors[behind.outputs[0]], file.tensors[conv.outputs[0]])
    image = (file.tensors[before.inputs[0]], file.tensors[conv.inputs[0]])
    if any(a.quant != b.quant or len(a.shape) != 4 for a, b in (whole, image)):
        return None
    left = pads.astype(int) - crops if pads.shape == crops.shape == (2, 2) else np.array(-1)
    if block.shape != (2,) or not np.array_equal(block, block_too) or left.min() < 0:
        return None
    return tuple(int(b) for b in block), tuple(int(p) for p in left.T.ravel())


def _blocks(op: Site) -> tuple[list[int], Array]:
    """Blocks and pads, or crops, of the axes behind the first."""
    blocks, pads = ints(op, 1), op.constant(2).astype(np.int64)
    if min(blocks, default=0) < 1 or pads.shape != (len(blocks), 2) or pads.min() < 0:
        raise op.refuse(f"not supported: blocks {blocks}, pads {pads.tolist()}")
    if len(blocks) >= len(op.input(0).shape):
        raise op.refuse(f"not supported: blocks {blocks} of {len(op.input(0).shape)} axes")
    return blocks, pads


@operator("SPACE_TO_BATCH_ND")
def space_to_batch(op: Site) -> None:
    """Every n-th pixel of a padded image as an image of its own."""
    same_numbers(op, 0)
    (blocks, pads), held = _blocks(op), op.input(0)
    count, x, shape = len(blocks), op.name(0), list(held.shape)
    if pads.any():
        value = float(op.scale(op.output())[1]) if held.dtype.name.endswith("int8") else 0.0
        every = np.zeros((len(shape), 2), np.int64)
        every[1 : 1 + count] = pads
        shape = [int(n + p.sum()) for n, p in zip(shape, every, strict=True)]
        around = [int(v) for v in every.T.ravel()]
        x = op.between("Pad", [x], tuple(shape), held.dtype, held.quant, pads=around, value=value)
    if any(n % b for n, b in zip(shape[1:], blocks, strict=False)):
        raise op.refuse(f"not supported: blocks {blocks} of {shape}")
    apart = [part for n, b in zip(shape[1:], blocks, strict=False) for part in (n // b, b)]
    order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2)]
    op.shape((shape[0] * prod(blocks), *apart[::2], *shape[1 + count :]))
    _turned(op, x, [shape[0], *apart, *shape[1 + count :]], order)


@operator("BATCH_TO_SPACE_ND")
def batch_to_space(op: Site) -> None:
    """The images woven into one again, and its edges cut."""
    same_numbers(op, 0)
    (blocks, crops), held = _blocks(op), op.input(0)
    count, shape = len(blocks), held.shape
    if shape[0] % prod(blocks):
        raise op.refuse(f"not supported: blocks {blocks} of {shape[0]} images")
    apart = [*blocks, shape[0] // prod(blocks), *shape[1:]]
    order = [count, *(a for k in range(count) for a in (count + 1 + k, k))]
    whole = [n * b for n, b in zip(shape[1:], blocks, strict=False)]
    left = [n - int(c.sum()) for n, c in zip(whole, crops, strict=True)]
    if min(left) < 1:
        raise op.refuse(f"not supported: crops {crops.tolist()} of {whole}")
    op.shape((shape[0] // prod(blocks), *left, *shape[1 + count :]))
    if not crops.any():
        _turned(op, op.name(0), apart, order)
        return
    ends = [n - int(c) for n, c in zip(whole, crops[:, 1], strict=True)]
    woven = (shape[0] // prod(blocks), *whole, *shape[1 + count :])
    made = _turned(op, op.name(0), apart, order, woven)
    starts = [int(c) for c in crops[:, 0]]
    given = {"starts": starts, "ends": ends, "axes": [*range(1, 1 + count)]}
    op.make("Slice", [made], attributes=given)


def _turned(op: Site, x: str, apart: list[int], order: list[int], to: tuple[int, ...] = ()) -> str:
    """Axes taken apart, turned and put together: as the output, or as a tensor of shape `to`."""
    held, order = op.input(0), [*order, *range(len(order), len(apart))]
    kind = (held.dtype, held.quant)
    split = op.between("Reshape", [x], tuple(apart), *kind, shape=tuple(apart))
    turned = tuple(apart[a] for a in order)
    made = op.between("Transpose", [split], turned, *kind, perm=order)
    if to:
        return op.between("Reshape", [made], to, *kind, shape=to)
    op.make("Reshape", [made], attributes={"shape": op.output().shape})
    return ""
