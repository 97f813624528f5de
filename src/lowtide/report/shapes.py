"""Storages as outlines: steps and bytes turned into pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lowtide.ir.index import IntArray
from lowtide.rows.liveness import Life, bands
from lowtide.rows.schedule import Schedule

_Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 1000, 540
LEFT, MARGIN, GAP = 64, 22, 56
TOP, BOTTOM = 112, 424
PANEL = (WIDTH - LEFT - MARGIN - GAP) / 2


@dataclass(frozen=True)
class Frame:
    """Where a half is drawn: the left edge of each step in pixels, and the bytes of the scale."""

    left: float
    edge: _Floats
    slot: _Floats
    top_bytes: int

    @property
    def right(self) -> float:
        return self.left + PANEL

    def y(self, count: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * count / self.top_bytes


@dataclass(frozen=True)
class StorageShape:
    """A storage in pixels: bands from row 0 up, `left` to `right` in time, `low` to `high`."""

    name: str
    left: _Floats
    right: _Floats
    low: _Floats
    high: _Floats


def make_frame(schedule: Schedule, left: float, top_bytes: int) -> Frame:
    """Every run of rows gets the same width, its steps spread inside it.

    Proportional to steps, an operator of 4,000 rows would leave nothing for the others. Before the
    first run the inputs are there, after the last the outputs: half a slot each.
    """
    rows = [1, *(run.moments for run in schedule.runs), 1]
    widths = [0.5, *(1.0 for _ in schedule.runs), 0.5]
    slot = np.cumsum([0.0, *widths])
    slot = left + PANEL * slot / slot[-1]
    pieces = [np.linspace(slot[k], slot[k + 1], n, endpoint=False) for k, n in enumerate(rows)]
    return Frame(left, np.concatenate([*pieces, slot[-1:]]), slot, top_bytes)


def make_shape(
    name: str, life: Life, rows: IntArray, frame: Frame, most: int
) -> StorageShape | None:
    """The live rows of a storage in at most `most` bands; None if none ever lives.

    `rows` are their addresses. Where these leave gaps every row is a band of its own.
    """
    offset = int(rows[0])
    if len(rows) == len(life.start) and (np.diff(rows) != life.cell_bytes).any():
        return _row_by_row(name, life, rows, frame)
    held = bands(life).alive()
    count = len(held.first)
    if not count:
        return None
    cut = np.linspace(0, count, min(most, count), endpoint=False).astype(np.int64)
    start = np.minimum.reduceat(held.start, cut)
    stop = np.maximum.reduceat(held.stop, cut)
    last = np.concatenate([cut[1:], [count]]) - 1
    low = np.array([frame.y(offset + int(r) * life.cell_bytes) for r in held.first[cut]])
    high = np.array([frame.y(offset + int(r) * life.cell_bytes) for r in held.end[last]])
    return StorageShape(name, frame.edge[start], frame.edge[stop + 1], low, high)


def _row_by_row(name: str, life: Life, rows: IntArray, frame: Frame) -> StorageShape | None:
    alive = np.flatnonzero(life.start <= life.stop)
    if not len(alive):
        return None
    low = np.array([frame.y(at) for at in rows[alive].tolist()])
    high = np.array([frame.y(at + life.cell_bytes) for at in rows[alive].tolist()])
    return StorageShape(
        name, frame.edge[life.start[alive]], frame.edge[life.stop[alive] + 1], low, high
    )


def outline(shape: StorageShape) -> str:
    """The path around the bands; where neighbours do not touch, one closed line ends."""
    apart = (
        (shape.high[:-1] != shape.low[1:])
        | (shape.left[1:] >= shape.right[:-1])
        | (shape.left[:-1] >= shape.right[1:])
    )
    ends = [0, *(np.flatnonzero(apart) + 1).tolist(), len(shape.low)]
    drawn = []
    for a, b in zip(ends[:-1], ends[1:], strict=True):
        drawn.append(f"M{px(shape.left[a])} {px(shape.low[a])}")
        drawn += [f"H{px(shape.right[k])}V{px(shape.high[k])}" for k in range(a, b)]
        drawn += [f"H{px(shape.left[k])}V{px(shape.low[k])}" for k in range(b - 1, a - 1, -1)]
        drawn.append("Z")
    return "".join(drawn)


def px(value: float) -> str:
    """A coordinate, to a fiftieth of what can be seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
