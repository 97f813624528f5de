"""Rewrites: each takes a model and returns the same network, written more simply."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import onnx_ir as ir

from lowtide.errors import UnreadableModel
from lowtide.frontends.onnx.simplify.dense_as_conv import dense_as_conv
from lowtide.frontends.onnx.simplify.drop_dead import drop_dead
from lowtide.frontends.onnx.simplify.drop_empty import drop_empty
from lowtide.frontends.onnx.simplify.drop_identities import drop_identities
from lowtide.frontends.onnx.simplify.fold_affine import fold_affine
from lowtide.frontends.onnx.simplify.fold_batchnorm import fold_batchnorm
from lowtide.frontends.onnx.simplify.fold_constants import fold_constants
from lowtide.frontends.onnx.simplify.fold_pad import fold_pad
from lowtide.frontends.onnx.simplify.infer_shapes import infer_shapes
from lowtide.frontends.onnx.simplify.inline_definitions import inline_definitions
from lowtide.frontends.onnx.simplify.unroll import unroll
from lowtide.room import Room

__all__ = [
    "dense_as_conv",
    "drop_dead",
    "drop_empty",
    "drop_identities",
    "fold_affine",
    "fold_batchnorm",
    "fold_constants",
    "fold_pad",
    "infer_shapes",
    "inline_definitions",
    "simplify",
    "unroll",
]

Rewrite = Callable[[ir.Model], ir.Model]


# Shapes make constants (Shape of a static tensor) and constants make shapes (Reshape).
def _resolve(room: Room, eight: bool) -> tuple[Rewrite, ...]:
    return (
        drop_dead,
        partial(fold_constants, room=room, eight=eight),
        partial(infer_shapes, room=room),
        drop_empty,
        drop_identities,
        inline_definitions,
        unroll,
    )


FOLD: tuple[Rewrite, ...] = (fold_batchnorm, fold_affine, fold_pad, dense_as_conv)


def simplify(model: ir.Model, room: Room | None = None, eight: bool = False) -> ir.Model:
    """Resolve shapes and constants, then fold what can be folded, until nothing changes.

        Constant, Shape, Gather, Concat ──> Reshape        ->      Reshape
        Pad ──> Conv ──> BatchNormalization ──> Relu       ->      Conv ──> Relu

    The model is changed in place; if `eight`, 8-bit weights stay what they are. Raises
    UnreadableModel where shapes do not fit, UnsupportedModel where there is no `room` for all
    tensors.
    """
    room = room or Room()
    with suppress(UnreadableModel):
        infer_shapes(model, room)  # what is dead counts as well: the reference computes it
    resolve = _resolve(room, eight)
    _until_stable(model, resolve)
    _until_stable(model, (*FOLD, *resolve))
    return model


def _until_stable(model: ir.Model, rewrites: tuple[Rewrite, ...]) -> None:
    before = None
    while before != (before := _fingerprint(model)):
        for rewrite in rewrites:
            rewrite(model)


def _fingerprint(model: ir.Model) -> list[tuple[object, ...]]:
    """What tells two stages of a model apart: its nodes, what they read and make, and shapes."""
    return [
        (
            node.op_type,
            *(value.name if value else None for value in node.inputs),
            *((value.name, str(value.shape)) for value in node.outputs),
        )
        for node in model.graph
    ]
