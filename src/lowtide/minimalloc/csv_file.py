"""Reads and writes the CSV files of google/minimalloc: one buffer a line, columns by name.

    id,lower,upper,size,gaps           id,lower,upper,size,gaps,offset
    b1,0,9,6,2-4 6-8@0:2        ->     b1,0,9,6,2-4 6-8@0:2,0
    b2,2,4,5,                          b2,2,4,5,,0

Needed are id (or buffer, buffer_id), lower (start, begin), upper and size. A column `end` instead
of `upper` names the last time that is included, and so do the gaps of that file. `alignment` and
`gaps` may be there; `hint` is kept and not used. A column `offset` fixes addresses, which is
refused. What is written is what was read, with the offsets at the end of each line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lowtide.errors import ModelError, UnreadableModel, UnsupportedModel
from lowtide.minimalloc.buffers import Buffer, Gap

NAMES = {"buffer": "id", "buffer_id": "id", "begin": "lower", "start": "lower", "end": "upper"}
NEEDED = ("id", "lower", "upper", "size")
KNOWN = (*NEEDED, "alignment", "gaps", "hint")
LARGEST = 2**48
"""Larger numbers are no sizes of memory, nor can the placers count so far."""


@dataclass(frozen=True)
class Table:
    """A file as it was read: the buffers, and the fields they were made from."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    buffers: tuple[Buffer, ...]


def read_csv(path: Path) -> Table:
    """The buffers in a file; raises ModelError, naming the line, for anything it cannot take."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnreadableModel(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise UnreadableModel("is not UTF-8 text", file=str(path)) from error
    try:
        return _table(text)
    except ModelError as error:
        raise error.within(file=str(path)) from None


def written_csv(table: Table, offsets: Sequence[int]) -> bytes:
    """The file with a column of offsets."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*table.head, "offset"))
    writer.writerows((*row, offset) for row, offset in zip(table.rows, offsets, strict=True))
    return text.getvalue().encode()


def _table(text: str) -> Table:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        numbered = [(lines.line_num, tuple(f.strip() for f in line)) for line in lines if line]
    except csv.Error as error:
        raise UnreadableModel(f"line {lines.line_num}: {error}") from error
    if not numbered:
        raise UnreadableModel("is empty; its first line must name the columns")
    (_, head), *rest = numbered
    columns = _columns(head)
    buffers: dict[str, Buffer] = {}
    for number, row in rest:
        if len(row) != len(head):
            raise UnreadableModel(f"line {number}: {len(row)} fields, though {len(head)} columns")
        fields = dict(zip(columns, row, strict=True))
        try:
            buffer = _buffer(fields, inclusive="end" in head)
        except ModelError as error:
            raise UnreadableModel(f"line {number}: {error.what}") from None
        if buffer.name in buffers:
            raise UnreadableModel(f"line {number}: there are two buffers '{buffer.name}'")
        buffers[buffer.name] = buffer
    if not buffers:
        raise UnreadableModel("has no buffers")
    return Table(head, tuple(row for _, row in rest), tuple(buffers.values()))


def _columns(head: Sequence[str]) -> list[str]:
    """The columns by the names used here."""
    columns = [NAMES.get(name, name) for name in head]
    if "offset" in columns:
        hint = "remove the column, every buffer is placed anew"
        raise UnsupportedModel("column 'offset' fixes addresses", hint=hint)
    for name in columns:
        if columns.count(name) > 1:
            raise UnreadableModel(f"two columns for '{name}'")
        if name not in KNOWN and all(need in columns for need in NEEDED):
            raise UnsupportedModel(f"unknown column '{name}'", hint=f"known: {', '.join(KNOWN)}")
    for name in NEEDED:
        if name not in columns:
            what = f"no column '{name}'; the first line must name {', '.join(NEEDED)}"
            raise UnreadableModel(what)
    return columns


def _buffer(fields: dict[str, str], *, inclusive: bool) -> Buffer:
    lower, upper = _number(fields, "lower"), _number(fields, "upper") + inclusive
    size, name = _number(fields, "size"), fields["id"]
    alignment = _number(fields, "alignment") if "alignment" in fields else 1
    if not name:
        raise UnreadableModel("the buffer has no id")
    if lower >= upper:
        raise UnreadableModel(f"'{name}' ends at {upper}, not after its start at {lower}")
    if size < 1 or alignment < 1:
        raise UnreadableModel(f"'{name}': size and alignment must be 1 or more")
    gaps = [_gap(text, size, inclusive) for text in fields.get("gaps", "").split()]
    gaps.sort(key=lambda gap: gap.lower)
    times = [lower, *(time for gap in gaps for time in (gap.lower, gap.upper)), upper]
    if times != sorted(times):
        raise UnreadableModel(f"'{name}': gaps must lie within its lifetime and not overlap")
    return Buffer(name, lower, upper, size, alignment, tuple(gaps))


def _gap(text: str, size: int, inclusive: bool) -> Gap:
    """2-4 or 2-4@0:16"""
    found = re.fullmatch(r"([0-9]+)-([0-9]+)(?:@([0-9]+):([0-9]+))?", text, re.ASCII)
    if not found:
        raise UnreadableModel(f"'{text}' is no gap; write 2-4, or 2-4@0:16 if 16 bytes stay live")
    lower, upper, first, end = (int(group or 0) for group in found.groups())
    if lower >= upper + inclusive:
        raise UnreadableModel(f"gap '{text}' is empty")
    if found.group(3) and not first < end <= size:
        raise UnreadableModel(f"gap '{text}': the window is empty or not within {size} bytes")
    return Gap(lower, upper + inclusive, (first, end))


def _number(fields: dict[str, str], column: str) -> int:
    text = fields[column]
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) or int(text) > LARGEST:
        raise UnreadableModel(f"{column} '{text}' is no whole number from 0 to {LARGEST}")
    return int(text)
