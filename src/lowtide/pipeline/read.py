"""A network's file, ONNX or .tflite, becomes the one Graph. It is opened here, and nowhere else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import onnx

from lowtide.check.contract import contract
from lowtide.clock import Clock
from lowtide.errors import UnsupportedModel, UsageError, of_module
from lowtide.frontends.onnx.eight.group import group
from lowtide.frontends.onnx.freeze import freeze
from lowtide.frontends.onnx.load import load
from lowtide.frontends.onnx.original import content_of, name_in, original_in
from lowtide.frontends.tflite.load import is_tflite
from lowtide.frontends.tflite.load import load as load_tflite
from lowtide.ir.graph import Graph, Shape
from lowtide.pipeline.read_states import read_states
from lowtide.planner.options import Options, Source
from lowtide.rewrites.eight_ends import with_eight_ends
from lowtide.rewrites.endless import endless, time_axes
from lowtide.rewrites.fuse import fuse
from lowtide.room import MAX_ELEMENTS

Model = str | os.PathLike[str] | onnx.ModelProto


def read(
    model: Model,
    clock: Clock,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    eight: bool = True,
    options: Options | None = None,
) -> tuple[Source, Graph]:
    """Reads a model; returns its source and its simplified graph.

    What stands between DequantizeLinear and QuantizeLinear computes in 8 bits, if `eight`. The
    `options` say whether inputs and outputs are then 8-bit numbers, which of them are states, and
    whether rows of the input come for ever.
    """
    with clock("loading"):
        path = named(model)
        try:
            graph = _graph(model, shapes, max_elements, eight)
            source = _source(model, graph)
            return source, _with_ends(graph, options or Options(), max_elements)
        except UnsupportedModel as error:
            if name_in(content_of(model)) is not None:
                error.hint = of_module(error.hint)
            raise error.within(file=path) from None


def _with_ends(graph: Graph, options: Options, max_elements: int) -> Graph:
    held = fuse(_with_states(graph, options.io_type, options.state))
    if options.image != "endless":
        if (options.push, options.window, options.time_axis) != (1, 0, None):
            raise UsageError("--push, --window and --time-axis are for --image endless")
        return held
    axes = time_axes(held, options.time_axis)
    return endless(held, axes, options.push, options.window, max_elements)


def _with_states(graph: Graph, io_type: str, state: Sequence[str]) -> Graph:
    states = read_states(state, graph)
    if io_type != "8bit":
        return replace(graph, states=states)
    eight = with_eight_ends(graph)
    pairs = [(one, (eight.tensors[one.output], eight.tensors[one.input])) for one in states]
    # A state that is rounded to other numbers than it was read as stays as the file has it.
    real = {
        name
        for one, (made, read) in pairs
        if (made.dtype, made.quant) != (read.dtype, read.quant)
        for name in (one.output, one.input)
    }
    eight = with_eight_ends(graph, real) if real else eight
    return replace(eight, states=read_states(state, eight))


def _graph(
    model: Model, shapes: Mapping[str, Shape] | None, max_elements: int, eight: bool
) -> Graph:
    if isinstance(model, onnx.ModelProto) or not is_tflite(model):
        frozen = freeze(load(model, shapes, max_elements, eight), eight)
        return group(frozen) if eight else frozen
    if shapes:
        raise UsageError(f"--shape: {named(model)} is a .tflite file, which says all shapes itself")
    return load_tflite(model, max_elements)


def _source(model: Model, graph: Graph) -> Source:
    content, path = content_of(model), named(model)
    exported = None if b"TFL3" in content[4:8] else name_in(content)
    digest = hashlib.sha256(content).hexdigest()
    if isinstance(model, onnx.ModelProto):
        return Source(exported or path, digest, original_in(content), path, contract(graph, False))
    tflite = is_tflite(model)
    original = None if tflite else original_in(content)
    return Source(exported or Path(path).name, digest, original, path, contract(graph, tflite))


def named(model: Model) -> str:
    """The network's name for messages and commands: its path, or its graph's name."""
    if isinstance(model, onnx.ModelProto):
        return model.graph.name or "network"
    return os.fspath(model)
