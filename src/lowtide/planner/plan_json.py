"""plan.json read back: a memory map, of which every entry is what it says, or a clear error."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from math import isfinite
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from lowtide.errors import FIT_AGAIN, UnreadableModel
from lowtide.ir.dtype import F32, as_wide_as
from lowtide.ir.graph import STORED
from lowtide.layout.ports import Port
from lowtide.planner.memory_map import (
    SCHEMA,
    MemoryMap,
    OperatorAt,
    RunAt,
    StateAt,
    StoredAt,
    TensorAt,
)
from lowtide.quoting import is_identifier, is_network_name


def read_memory_map(text: str, file: str) -> MemoryMap:
    """Reads plan.json back; raises UnreadableModel, naming `file`, if the text is not one."""
    try:
        held = json.loads(text)
        if held["schema"] != SCHEMA:
            raise UnreadableModel(
                f"of another version of lowtide: schema {held['schema']}, not {SCHEMA}",
                file=file,
                hint=FIT_AGAIN,
            )
        known = {
            f.name: held[f.name] for f in fields(MemoryMap) if f.name in held or f.name != "states"
        }
        for name, kind in _PARTS.items():
            known[name] = tuple(_made(kind, one) for one in known.get(name, ()))
        found = MemoryMap(**known)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableModel("not a plan that lowtide wrote", file=file, hint=FIT_AGAIN) from error
    wrong = _wrong(found)
    if wrong:
        raise UnreadableModel(f"not a plan that lowtide wrote: {wrong}", file=file, hint=FIT_AGAIN)
    return found


def _wrong(memory: MemoryMap) -> str | None:
    """The first entry that is not of its type or makes no sense by itself."""
    for entry in (memory, *(one for name in _PARTS for one in getattr(memory, name))):
        mistaken = mistyped(entry, _PARTS)
        if mistaken:
            return mistaken
    if not is_network_name(memory.called):  # it stands in C, and names files
        return f"its name is '{memory.called[:40]}'"
    for port in (*memory.inputs, *memory.outputs):
        if sorted(port.order) != [*range(len(port.shape))] or port.elements < 1:
            return f"'{port.name}' has shape {port.shape} and order {port.order}"
        if port.axes and sorted(port.axes) != sorted("NCHW"[: len(port.shape)]):
            return f"'{port.name}' has the axes '{port.axes[:40]}'"
        if port.dtype not in _dtypes(memory):
            return f"'{port.name}' is {port.dtype[:40]}"
        if not is_identifier(port.identifier):  # it stands in C
            return f"'{port.name}' has the identifier '{port.identifier[:40]}'"
    for run in memory.schedule:
        if min(run.operator, run.first, run.rows - 1, run.ticks - 1, run.together - 1) < 0:
            return f"its schedule has a run of {run.rows} rows, {run.together} together"
    for stored in memory.storages:
        cells = [run[0] for run in stored.live]
        size = stored.elements * stored.element_bytes
        if min((stored.cell_bytes, *cells)) < 1 or sum(cells) * stored.cell_bytes != size:
            return f"'{stored.name}' has {size} bytes in {sum(cells)} cells of {stored.cell_bytes}"
        if stored.row_offsets and len(stored.row_offsets) != stored.rows:
            return f"'{stored.name}' has {len(stored.row_offsets)} row_offsets, {stored.rows} rows"
        if stored.row_offsets and sum(cells) % stored.rows:
            return f"'{stored.name}' has cells that are in two rows"
    return None


def mistyped(entry: object, but: Collection[str] = ()) -> str | None:
    """The first field of a dataclass that is not of its type, but for some fields."""
    for name, hint in get_type_hints(type(entry)).items():
        if name not in but and not _is(getattr(entry, name), hint):
            return f"{name} is {str(getattr(entry, name))[:40]}"
    return None


def _is(value: Any, hint: Any) -> bool:
    """Whether a value read from JSON is of a type as the fields above have it."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        wanted = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        return len(value) == len(wanted) and all(map(_is, value, wanted))
    if origin is Literal:
        return value in parts
    if hint is float:
        return type(value) is float and isfinite(value)
    if hint is int:
        return type(value) is int and abs(value) < 1 << 62
    return isinstance(value, Mapping if origin is not None else hint)


def _dtypes(memory: MemoryMap) -> set[str]:
    """What its ports may be: types that C has, or the one width that was planned for."""
    wide = memory.options.get("element_bytes")
    return {as_wide_as(wide).name} if type(wide) is int else _DTYPES


_DTYPES = {one.name for one in (F32, *STORED)}

_PARTS: dict[str, type] = {
    "inputs": Port,
    "outputs": Port,
    "storages": StoredAt,
    "tensors": TensorAt,
    "operators": OperatorAt,
    "schedule": RunAt,
    "states": StateAt,
}

_T = TypeVar("_T")


def _made(kind: type[_T], values: Mapping[str, Any]) -> _T:
    return kind(**{name: _frozen(value) for name, value in values.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
