"""Is the plan in a .tflite file sound? It is looked at byte by byte, operator by operator.

Each byte of the head knows the tensor that was written to it last. Every operator must find all
bytes of its inputs theirs; where its output lies over an input, no byte may be written before it
was read for the last time, by the loops of TensorFlow Lite Micro's reference kernels:

    element of x    0  1  2  3  4          element of y       0  1  2
    last read at    0  0  1  2  2          written at         0  1  2      y[j] over x[j + d]

This shares no code with what makes plans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from lowtide.backends.tflite.outline import Held, Outline, Window
from lowtide.frontends.tflite.stored import Node

IntArray = npt.NDArray[np.int64]

ALIGN = 16
_LOOPS_KNOWN = ("int8", "int16", "float32")
_POINTWISE = ("ADD", "SUB", "MUL", "RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU",
              "QUANTIZE")  # fmt: skip


@dataclass(frozen=True)
class Looked:
    """What is wrong, a line a fault; and how many outputs lie over an input of their operator."""

    faults: tuple[str, ...]
    overlaps: int
    bytes: int


def look_at_plan(file: Outline, offsets: tuple[int, ...] | None) -> Looked:
    """Follows the operators in the file's order."""
    if offsets is None or len(offsets) != len(file.tensors) + file.more:
        return Looked((f"the plan has no offset for each of {len(file.tensors)} tensors",), 0, 0)
    places = {k: (offsets[k], t.bytes) for k, t in enumerate(file.tensors) if t.bytes}
    for k, (at, _) in places.items():
        if at < 0 or at % ALIGN:
            return Looked((f"'{file.tensors[k].name}' at {at}, no multiple of {ALIGN}",), 0, 0)
    if any(at != -1 for k, at in enumerate(offsets) if k not in places):
        return Looked(("a tensor that takes no bytes of the head has an offset",), 0, 0)
    end = max((at + size for at, size in places.values()), default=0)
    owner, faults, overlaps = np.full(end, -1, np.int64), list[str](), 0

    def write(k: int) -> None:
        if k in places:
            at, size = places[k]
            owner[at : at + size] = k

    def whole(k: int, where: str) -> Iterator[str]:
        if k in places:
            at, size = places[k]
            lost = np.flatnonzero(owner[at : at + size] != k)
            if len(lost):
                thief = int(owner[at + lost[0]])
                by = file.tensors[thief].name if thief >= 0 else "nothing"
                yield f"{where} finds '{by}' in byte {lost[0]} of '{file.tensors[k].name}'"

    for k in file.inputs:
        write(k)
    for node in file.nodes:
        for k in {*node.inputs}:
            faults += whole(k, node.name)
        for k in node.outputs:
            for x in sorted({*node.inputs} & places.keys()):
                if k in places and _meet(places[x], places[k]):
                    overlaps += 1
                    faults += _overlap(file, node, x, places[k][0] - places[x][0])
            write(k)
        for k in node.outputs:
            faults += whole(k, f"what follows {node.name}")
    for k in file.outputs:
        faults += whole(k, "the end")
    return Looked(tuple(faults), overlaps, end)


def _meet(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


def _overlap(file: Outline, node: Node, x: int, behind: int) -> Iterator[str]:
    """Output less input is `behind` bytes."""
    made, held = file.tensors[node.outputs[0]], file.tensors[x]
    what = f"{node.name}: '{made.name}' over '{held.name}', {behind} bytes behind its start"
    if node.kind == "RESHAPE" and node.inputs[0] == x and made.bytes == held.bytes:
        if behind:
            yield f"{what}: a copy within itself"
        return
    found = _times(file, node, x) if len(node.outputs) == 1 else None
    if found is None:
        yield f"{what}: not known to be safe"
        return
    read, written = found
    unit = held.unit
    if behind % unit:
        yield f"{what}: between elements"
        return
    first = max(0, -(behind // unit))
    last = min(len(written), len(read) - behind // unit)
    j = np.arange(first, last)
    early = j[written[j] < read[j + behind // unit]]
    if len(early):
        yield f"{what}: element {early[0]} is written over what is read later"


def _times(file: Outline, node: Node, x: int) -> tuple[IntArray, IntArray] | None:
    """When each element of the input is read last, and when each of the output is written.

    One moment an element of the output; in it all reads come first. None: not known.
    """
    made, held = file.tensors[node.outputs[0]], file.tensors[x]
    if made.type != held.type or held.type not in _LOOPS_KNOWN:
        return None
    written = np.arange(prod(made.shape))
    if node.kind in _POINTWISE:
        shapes = {file.tensors[k].shape for k in (*node.inputs, *node.outputs)}
        return (written, written) if len(shapes) == 1 else None
    if node.inputs.count(x) != 1 or node.inputs[0] != x:
        return None
    if node.kind == "EXPAND_DIMS":
        return (written, written) if held.bytes == made.bytes else None
    read = _last_reads(file, node, held, made)
    return None if read is None else (read, written)


def _last_reads(file: Outline, node: Node, x: Held, y: Held) -> IntArray | None:
    second = node.inputs[1] if len(node.inputs) > 1 else -1
    if node.kind in ("PAD", "PADV2"):
        return _pad_reads(file.numbers.get(second), x, y)
    if node.kind == "FULLY_CONNECTED":
        weights = file.tensors[second].shape if second >= 0 else ()
        if len(weights) != 2 or y.shape[-1:] != weights[:1] or prod(x.shape) % weights[1]:
            return None
        rows = prod(x.shape) // weights[1]
        if rows * weights[0] != prod(y.shape):
            return None
        return ((np.arange(rows) + 1) * weights[0] - 1).repeat(weights[1])
    window = file.windows.get(node.number)
    if window is None or len(x.shape) != 4 or len(y.shape) != 4 or x.shape[0] != y.shape[0]:
        return None
    last = _last_pixels(x, y, window)
    if last is None:
        return None
    if node.kind == "CONV_2D":
        return np.where(last < 0, -1, (last + 1) * y.shape[3] - 1).repeat(x.shape[3])
    return _by_channel(last, x, y)


def _by_channel(last: IntArray, x: Held, y: Held) -> IntArray | None:
    if y.shape[3] % x.shape[3]:
        return None
    each = y.shape[3] // x.shape[3]
    moment = last[:, None] * y.shape[3] + (np.arange(x.shape[3]) + 1)[None] * each - 1
    return np.where(last[:, None] < 0, -1, moment).ravel()


def _pad_reads(pads: IntArray | None, x: Held, y: Held) -> IntArray | None:
    if pads is None or pads.size != 2 * len(x.shape) or len(x.shape) != len(y.shape):
        return None
    if len(x.shape) > 5 or pads.min() < 0:
        return None
    at = np.arange(prod(y.shape)).reshape(y.shape)
    pairs = pads.reshape(-1, 2).tolist()
    inside = at[tuple(slice(a, n - b) for (a, b), n in zip(pairs, y.shape, strict=True))]
    return inside.ravel() if inside.shape == x.shape else None


def _last_pixels(x: Held, y: Held, window: Window) -> IntArray | None:
    """For each pixel of the input the last of the output whose window holds it; -1: none."""
    starts = []
    for axis in (0, 1):
        n, m, step = x.shape[1 + axis], y.shape[1 + axis], window.stride[axis]
        reach = 1 + window.dilation[axis] * (window.size[axis] - 1)
        fits = (n + step - 1) // step if window.same else (n + step - reach) // step
        if fits != m or m < 1:
            return None
        starts.append(-(max((m - 1) * step + reach - n, 0) // 2))
    number = np.arange(y.shape[0] * y.shape[1] * y.shape[2]).reshape(y.shape[:3])
    last = np.full(x.shape[:3], -1, np.int64)
    for tap in np.ndindex(*window.size):
        seen = []
        for axis in (0, 1):
            at = np.arange(y.shape[1 + axis]) * window.stride[axis]
            at += starts[axis] + tap[axis] * window.dilation[axis]
            inside = (at >= 0) & (at < x.shape[1 + axis])
            seen.append((np.flatnonzero(inside), at[inside]))
        (i, rows), (j, columns) = seen
        to = (slice(None), rows[:, None], columns[None])
        last[to] = np.maximum(last[to], number[:, i[:, None], j[None]])
    return last.ravel()
