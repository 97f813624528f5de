"""A .tflite file with another plan and another order of operators; each other byte as it was.

    +--------+------+------------------+----------------------------------+
    | header | root | lists, plan, ... | the old file, all of it          |
    +--------+------+------------------+----------------------------------+
                |            |             ^   ^
                +------------+-------------+---+      offsets of a flatbuffer lead forwards only

The new root speaks of the old file's tables where they lie, so that nothing is read and written
again: what we know nothing of survives. Of the old bytes only the list of operators changes, where
their order does.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
import tflite
from flatbuffers import number_types

from lowtide.backends.tflite.outline import reading
from lowtide.errors import UnsupportedModel
from lowtide.frontends.tflite.stored import IDENTIFIER

PLAN = b"OfflineMemoryAllocation"
"""The metadata's name by which TensorFlow Lite Micro finds a plan."""

ONLINE = -1
"""Of a tensor that has no offset: the interpreter finds it a place, or it needs none."""

_ROOT = ("version", "operator_codes", "subgraphs", "description", "buffers", "metadata_buffer",
         "metadata", "signature_defs")  # fmt: skip
_BUFFERS, _METADATA = _ROOT.index("buffers"), _ROOT.index("metadata")


def plan_in(content: bytes) -> tuple[int, ...] | None:
    """The offsets of the plan that a file holds, as the interpreter reads them."""
    with reading():
        return _plan_in(tflite.Model.GetRootAs(content, 0))


def _plan_in(model: Any) -> tuple[int, ...] | None:
    found = None
    for k in range(model.MetadataLength()):
        if model.Metadata(k).Name() == PLAN:
            held = model.Buffers(model.Metadata(k).Buffer()).DataAsNumpy()
            data = b"" if isinstance(held, int) else held.tobytes()
            found = tuple(np.frombuffer(data[: len(data) // 4 * 4], "<i4").tolist())[3:]
    return found


def without_plan(content: bytes) -> bytes:
    """The file with a plan that leaves every tensor to the interpreter."""
    model = tflite.Model.GetRootAs(content, 0)
    count = sum(model.Subgraphs(k).TensorsLength() for k in range(model.SubgraphsLength()))
    return with_plan(content, [ONLINE] * count, range(model.Subgraphs(0).OperatorsLength()))


def with_plan(content: bytes, offsets: Sequence[int], order: Sequence[int]) -> bytes:
    """The file with a plan of all its tensors, and with its operators in an order."""
    with reading():
        return _with_plan(content, offsets, order)


def _with_plan(content: bytes, offsets: Sequence[int], order: Sequence[int]) -> bytes:
    model = tflite.Model.GetRootAs(content, 0)
    content = _in_order(content, model.Subgraphs(0), order)
    build = flatbuffers.Builder(len(content) + 4096)
    end = put(build, content)
    plan = _buffer(build, struct.pack(f"<{3 + len(offsets)}i", 1, 1, len(offsets), *offsets))
    name = build.CreateString(PLAN)
    build.StartObject(2)
    build.PrependUOffsetTRelativeSlot(0, name, 0)
    build.PrependUint32Slot(1, model.BuffersLength(), 0)
    entry = build.EndObject()
    kept = [k for k in range(model.MetadataLength()) if model.Metadata(k).Name() != PLAN]
    metadata = list_of(build, [*(end - model.Metadata(k)._tab.Pos for k in kept), entry])
    held = [end - model.Buffers(k)._tab.Pos for k in range(model.BuffersLength())]
    return root_of(
        build, model, end, {_BUFFERS: list_of(build, [*held, plan]), _METADATA: metadata}
    )


def root_of(build: Any, model: Any, end: int, made: Mapping[int, int]) -> bytes:
    """The file with a new root: `made` by number of the field, all others where they lay."""
    _refuse_more(model._tab)
    fields = [field_of(model._tab, k) for k in range(len(_ROOT))]
    build.StartObject(len(_ROOT))
    build.PrependUint32Slot(0, model.Version(), 0)
    for k, at in enumerate(fields[1:], 1):
        build.PrependUOffsetTRelativeSlot(k, made.get(k, end - at if at else 0), 0)
    build.Finish(build.EndObject(), file_identifier=IDENTIFIER)
    return bytes(build.Output())


def put(build: Any, content: bytes) -> int:
    """Bytes as they are, at a multiple of 16; returns where they begin, as a builder counts."""
    build.Prep(16, len(content))
    build.head -= len(content)
    build.Bytes[build.head : build.head + len(content)] = content
    return int(build.Offset())


def _buffer(build: Any, data: bytes) -> int:
    build.StartVector(1, len(data), 16)
    build.head -= len(data)
    build.Bytes[build.head : build.head + len(data)] = data
    held = build.EndVector()
    build.StartObject(1)
    build.PrependUOffsetTRelativeSlot(0, held, 0)
    return int(build.EndObject())


def list_of(build: Any, tables: Sequence[int]) -> int:
    """A list of tables, as a builder counts."""
    build.StartVector(4, len(tables), 4)
    for one in reversed(tables):
        build.PrependUOffsetTRelative(one)
    return int(build.EndVector())


def field_of(table: Any, number: int) -> int:
    """Where what a field of a table speaks of lies; 0 if it has none."""
    at = table.Offset(4 + 2 * number)
    return int(table.Indirect(table.Pos + at)) if at else 0


def _refuse_more(table: Any) -> None:
    """Fields that a newer schema may have; whether they are offsets cannot be known."""
    vtable = table.Pos - table.Get(number_types.SOffsetTFlags, table.Pos)
    fields = table.Get(number_types.VOffsetTFlags, vtable) // 2 - 2
    for number in range(len(_ROOT), fields):
        if table.Offset(4 + 2 * number):
            raise UnsupportedModel(
                f"the file's root has a field {number} that is not known",
                hint="a newer schema: convert with an older TensorFlow",
            )


def _in_order(content: bytes, graph: Any, order: Sequence[int]) -> bytes:
    """The file with its list of operators in an order."""
    if list(order) == list(range(graph.OperatorsLength())):
        return content
    start = graph._tab.Vector(graph._tab.Offset(10))
    made = bytearray(content)
    for k, number in enumerate(order):
        ahead = graph.Operators(number)._tab.Pos - (start + 4 * k)
        if ahead <= 0:
            raise UnsupportedModel("the file is written so that its operators cannot be put in "
                                   "another order", hint="give --order given")  # fmt: skip
        struct.pack_into("<I", made, start + 4 * k, ahead)
    return bytes(made)
