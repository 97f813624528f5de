"""Inputs that a plan is judged on: seeded random ones, and all of the least and of the greatest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lowtide.backends.tflite.outline import Held, Outline
from lowtide.check.drawn import Drawn, draw_sets
from lowtide.check.tflite_truth import ANY_SIZE, inputs_of
from lowtide.errors import ModelError, UnsupportedModel
from lowtide.frontends.tflite.load import load
from lowtide.ir.graph import Array

_FLOATS_END = 8.0


def drawn_inputs(model: Path, file: Outline) -> list[list[Array]]:
    """Sets of inputs in the file's order."""
    wanted = _wanted(model, file)
    random = [[*one.values()] for one in draw_sets(wanted).values()]
    edges = [[_all_of(one, top) for one in wanted.values()] for top in (False, True)]
    return [*random, *edges] if wanted else random[:1]


def _wanted(model: Path, file: Outline) -> dict[str, Drawn]:
    """Floats over what they are quantised to, where the network is one that lowtide reads."""
    try:
        known = inputs_of(load(model, ANY_SIZE))
        if len(known) == len(file.inputs):
            return known
    except ModelError:
        pass
    return {f"{n}": _drawn(file.tensors[k]) for n, k in enumerate(file.inputs)}


def _drawn(held: Held) -> Drawn:
    if np.dtype(held.type).kind not in "iufb":
        raise UnsupportedModel(f"input '{held.name}' is {held.type}: no inputs can be drawn")
    return Drawn(held.shape, held.type)


def _all_of(one: Drawn, top: bool) -> Array:
    kind = np.dtype(one.dtype)
    if kind.kind in "iu":
        ends = np.iinfo(kind)
        return np.full(one.shape, ends.max if top else ends.min, kind)
    if kind.kind == "b":
        return np.full(one.shape, top)
    low, high = one.span or (-_FLOATS_END, _FLOATS_END)
    return np.full(one.shape, high if top else low, kind)
