"""Frames around images, and what repeats them."""

from __future__ import annotations

import numpy as np
import tflite

from lowtide.frontends.tflite.network import FIRST, Frame
from lowtide.frontends.tflite.site import Site, operator
from lowtide.ir.graph import Array, Shape


def _pads(op: Site) -> Array:
    """Pads as [axis, before or after]."""
    pads, rank = op.constant(1).astype(np.int64), len(op.input(0).shape)
    if pads.shape != (rank, 2) or pads.min(initial=0) < 0:
        raise op.refuse(f"pads {pads.tolist()} of {rank} axes")
    return pads


def _around(op: Site, pads: Array) -> Shape:
    """The shape of the input with a frame."""
    return tuple(n + int(p.sum()) for n, p in zip(op.input(0).shape, pads, strict=True))


@operator("PAD", "PADV2")
def pad(op: Site) -> None:
    """A frame of the zero point, or of a value that is given."""
    pads, value = _pads(op), 0.0
    if op.is_eight(0):
        if op.scale(op.input(0)) != op.scale(op.output()):
            raise op.refuse("a frame between two scales")
        value = float(op.scale(op.output())[1])
    op.shape(_around(op, pads))
    if op.has(2):
        value = float(op.constant(2).item())
    name, image = op.as_made(0, favoured=True)
    if image:
        pads = pads[[*FIRST]]
    op.make("Pad", [name], image, {"pads": [int(v) for v in pads.T.ravel()], "value": value})
    if image and not pads[:2].any():
        top, left, bottom, right = (int(v) for v in pads[2:].T.ravel())
        made = op.net.name(op.output().number, image=True)
        op.net.frames[made] = Frame(name, (top, left, bottom, right), value)


@operator("MIRROR_PAD")
def mirror_pad(op: Site) -> None:
    """A frame of what lies before it, with the edge (SYMMETRIC) or without (REFLECT)."""
    edge = op.options(tflite.MirrorPadOptions).Mode() == tflite.MirrorPadMode.SYMMETRIC
    op.is_eight(0)
    name, image = op.as_made(0, favoured=True)
    places, pads = [], _pads(op)
    op.shape(_around(op, pads))
    for size, (before, after) in zip(op.input(0).shape, pads.tolist(), strict=True):
        if max(before, after) > size - (not edge):
            raise op.refuse(f"pads of {before} and {after} around {size}")
        turned = [abs(k) if not edge else (k if k >= 0 else -1 - k) for k in range(-before, size)]
        last = 2 * size - (1 if edge else 2)
        turned += [last - k for k in range(size, size + after)]
        places.append(() if not before and not after else tuple(turned))
    if image:
        places = [places[a] for a in FIRST]
    op.make("Pick", [name], image, {"places": tuple(places)})
