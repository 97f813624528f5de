"""Take in a .tflite network."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import numpy as np

from lowtide.errors import (
    NO_OPERATOR,
    ModelError,
    UnreadableModel,
    UnsupportedModel,
    UsageError,
    all_of,
)
from lowtide.frontends import ONNX_BEGINS
from lowtide.frontends.tflite.batches import dilated
from lowtide.frontends.tflite.network import Network
from lowtide.frontends.tflite.site import OPERATORS, Site
from lowtide.frontends.tflite.stored import IDENTIFIER, stored_in
from lowtide.ir.graph import Graph
from lowtide.ops import understood
from lowtide.room import MAX_ELEMENTS, Room

for _name in (
    "arithmetic", "batches", "chosen", "conv", "dense", "known", "moves", "pad", "pool", "reduce",
    "resize", "slices", "softmax", "unary",
):  # fmt: skip
    import_module(f"lowtide.frontends.tflite.{_name}")


WAY_OUT = "convert the network without it, or end it before"
WITHOUT = f"'lowtide operators' lists those that there are: {WAY_OUT}"


def is_tflite(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of TFLite's, by its name or by what it begins with."""
    if os.fspath(path).lower().endswith(".tflite"):
        return True
    try:
        with Path(path).open("rb") as file:
            return file.read(8)[4:] == IDENTIFIER
    except (OSError, ValueError):
        return False


def tflite_operators() -> list[str]:
    """The names of TFLite's operators that are read."""
    return sorted(OPERATORS)


def refuse_tflite(model: object, what: str) -> None:
    """Raises UsageError for a .tflite file, where `what` is for ONNX files."""
    if isinstance(model, str | os.PathLike) and is_tflite(model):
        raise UsageError(f"{what} takes ONNX files; {os.fspath(model)} is a .tflite file")


def load(path: str | os.PathLike[str], max_elements: int = MAX_ELEMENTS) -> Graph:
    """The Graph of a .tflite file: static, constants folded, every operator one with an entry.

    All tensors together may have `max_elements`. Raises UnreadableModel or UnsupportedModel, in one
    line that names the file, and nothing else.
    """
    graph, _ = named_tensors(path, max_elements)
    return graph


def named_tensors(
    path: str | os.PathLike[str], max_elements: int = MAX_ELEMENTS
) -> tuple[Graph, dict[str, tuple[int, bool]]]:
    """The Graph, and for each of its tensors that the file has too, its number there.

    True: it has its channels first here, and last in the file. Raises as `load` does.
    """
    file = os.fspath(path)
    try:
        if not Path(file).exists():
            raise UnreadableModel("no such file")
        if not Path(file).is_file():
            raise UnreadableModel("a folder, not a file" if Path(file).is_dir() else "not a file")
        return _settled(Path(file).read_bytes(), Room(max_elements))
    except ModelError as error:
        if error.hint is None or "onnx" in error.hint:
            error.hint = WAY_OUT if error.node else _misnamed(file)
        error.within(file=file)
        raise
    except OSError as error:
        raise UnreadableModel(f"cannot be read: {error.strerror}", file=file) from error
    except MemoryError as error:
        raise UnreadableModel("out of memory at the stage 'loading'", file=file) from error
    except Exception as error:
        # The last net: offsets of a damaged flatbuffer lead anywhere.
        raise UnreadableModel(
            "damaged, or cut short: what it points to is not in it",
            file=file,
            hint=_misnamed(file),
        ) from error


def _misnamed(file: str) -> str | None:
    """What a file seems to be whose name says something else."""
    if not file.lower().endswith(".tflite"):
        return "it begins as a .tflite file does, whatever its name" if is_tflite(file) else None
    try:
        with Path(file).open("rb") as content:
            begins = content.read(1) == ONNX_BEGINS
    except OSError:
        return None
    return "it begins as an ONNX file does: if it is one, name it .onnx" if begins else None


def _settled(content: bytes, room: Room) -> tuple[Graph, dict[str, tuple[int, bool]]]:
    file = stored_in(content)
    net = Network(file, room)
    nodes = [*dilated(file)]
    unknown = [
        UnsupportedModel(NO_OPERATOR, node=node.name, operator=node.kind, hint=WITHOUT)
        for node in nodes
        if node.kind not in OPERATORS
    ]
    if unknown:
        raise all_of(unknown)
    for node in nodes:
        try:
            with np.errstate(all="ignore"):  # scales of damaged files; factors are looked at
                OPERATORS[node.kind](Site(net, node))
        except ModelError as error:
            raise error.within(node=node.name, operator=node.kind) from None
        except ValueError as error:
            raise UnsupportedModel(str(error), node=node.name, operator=node.kind) from error
    try:
        return understood(net.graph("network")), net.numbers
    except ModelError as error:
        error.operator = None  # its node is named after TFLite's operator
        raise
