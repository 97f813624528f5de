"""plan.json: the memory map of a plan, for the checks, for accelerators and for people.

`docs/plan-json.md` describes every field. Sizes and offsets are bytes unless a name says elements.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.layout.ports import Carried, Port
from lowtide.planner.costs import label, weights_of
from lowtide.planner.plan import Plan
from lowtide.quoting import for_terminal
from lowtide.rows.liveness import Life
from lowtide.sizes import show_bytes
from lowtide.version import __version__

SCHEMA = 6

_NEW = ("dtype", "scale", "zero", "axes")
"""What plan.json says of a port only where it is not as in a network of floats."""

LifeRun = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class StoredAt:
    """A storage: `rows` rows of `row_elements` from byte `offset` of the arena on.

    `row_offsets` says where each row begins; if it is empty they lie one after the other. `live`
    lists runs of cells of `cell_bytes` from cell 0 on, each [cells, first, last, later, longer]:
    cell k of a run lives from moment first + k*later to last + k*longer; first > last: never.
    """

    name: str
    dtype: str
    element_bytes: int
    offset: int
    rows: int
    row_elements: int
    cell_bytes: int
    row_offsets: tuple[int, ...]
    live: tuple[LifeRun, ...]

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return self.rows * self.row_elements


@dataclass(frozen=True)
class TensorAt:
    """A tensor in a storage: element (i, j, ..) is element offset + i*strides[0] + ... of it."""

    name: str
    shape: tuple[int, ...]
    storage: str
    offset_elements: int
    strides_elements: tuple[int, ...]


@dataclass(frozen=True)
class OperatorAt:
    """An operator that computes.

    A row of its output is made in `steps`, each of `pixels` by `channels` (0: all). An atomic step
    takes two moments, one for all that it reads and one for what it writes. From its first step to
    its last `in_use_bytes` of the arena live at most, and `free_bytes` from `free_from` on are
    nobody's; an earlier version did not say.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    output: str
    rows: int
    steps: int
    pixels: int
    channels: int
    atomic: bool
    macs: int
    weight_bytes: int
    in_use_bytes: int = 0
    free_from: int = 0
    free_bytes: int = 0


@dataclass(frozen=True)
class RunAt:
    """Rows first to first + rows - 1 of operator number `operator`.

    `together` rows are made in a step of `ticks` moments; the last step makes what is left.
    Backward: the last row first, and in each the last pixel first.
    """

    operator: int
    first: int
    rows: int
    ticks: int
    backward: bool
    together: int

    @property
    def moments(self) -> int:
        """How many moments the run takes."""
        return -(-self.rows // self.together) * self.ticks


@dataclass(frozen=True)
class StateAt:
    """What a call makes of `output` the next one reads of `input`: the same bytes of the arena.

    They begin at `offset`, and nothing else may write to them between calls. All elements are
    `initial` before the first call.
    """

    output: str
    input: str
    initial: int
    dtype: str
    shape: tuple[int, ...]
    offset: int
    bytes: int
    written: str
    """The storage in which a call leaves it .."""
    read: str
    """.. and that in which the next one finds it."""


@dataclass(frozen=True, repr=False)
class MemoryMap:
    """A plan as plain data, what plan.json holds: `storages` in the arena, the `operators` and
    when each runs, `inputs` and `outputs`; docs/plan-json.md describes every field."""

    file: str
    sha256: str
    options: Mapping[str, Any]
    arena_bytes: int
    align: int
    element_bytes: int
    """The smallest element of a storage."""
    facts: Mapping[str, Any]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    storages: tuple[StoredAt, ...]
    tensors: tuple[TensorAt, ...]
    operators: tuple[OperatorAt, ...]
    schedule: tuple[RunAt, ...]
    states: tuple[StateAt, ...] = ()

    def __repr__(self) -> str:
        counts = f"{len(self.storages)} storages, {len(self.operators)} operators"
        arena = show_bytes(self.arena_bytes)
        return f"<MemoryMap {for_terminal(self.file)}: arena {arena}, {counts}>"

    @property
    def called(self) -> str:
        """What the program's files and functions are called; older plans do not say."""
        return str(self.options.get("name", "net"))

    @property
    def made_for(self) -> str | None:
        """The processor that was asked for with --cpu."""
        held = self.options.get("cpu")
        return held if isinstance(held, str) else None

    @property
    def elements(self) -> int:
        """How many elements all storages have."""
        return sum(storage.elements for storage in self.storages)

    def to_json(self) -> str:
        """The text of plan.json, an entry a line: two plans can be compared line by line."""
        head = {"lowtide": __version__, "schema": SCHEMA}
        plain = {**head, **{f.name: _plain(getattr(self, f.name)) for f in fields(self)}}
        lines = [f"  {json.dumps(key)}: {_entry(value)}" for key, value in plain.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"


def memory_map(plan: Plan) -> MemoryMap:
    """The memory map of a plan."""
    layout, names = plan.layout, list(plan.layout.storages)
    return MemoryMap(
        file=plan.source.file,
        sha256=plan.source.sha256,
        options={**asdict(plan.options), "state": [*plan.options.state]},
        arena_bytes=plan.arena_bytes,
        align=plan.options.align,
        element_bytes=min(s.dtype.bytes for s in layout.storages.values()),
        facts=plan.facts(),
        inputs=plan.inputs,
        outputs=plan.outputs,
        storages=tuple(_stored(plan, name) for name in names),
        tensors=tuple(
            TensorAt(name, p.strided.shape, p.storage, p.strided.offset, p.strided.strides)
            for name, p in layout.places.items()
        ),
        operators=tuple(
            OperatorAt(
                t.operator.name,
                label(t),
                t.operator.read,
                t.output,
                t.rows,
                t.steps,
                t.grain.pixels,
                t.grain.channels,
                t.grain.atomic,
                t.nest.macs,
                weights_of(t, layout),
                used.bytes,
                used.free_from,
                used.free_bytes,
            )
            for t, used in zip(plan.tasks, plan.in_use, strict=True)
        ),
        schedule=tuple(
            RunAt(r.task, r.first, r.rows, r.ticks, r.backward, r.together)
            for r in plan.schedule.runs
        ),
        states=tuple(_state(plan, one) for one in plan.states),
    )


def _state(plan: Plan, one: Carried) -> StateAt:
    places = plan.layout.places
    written, read = places[one.output.tensor].storage, places[one.input.tensor].storage
    return StateAt(
        one.output.name, one.input.name, one.initial, one.input.dtype, one.input.shape,
        plan.offset[read], one.bytes, written, read,
    )  # fmt: skip


def _stored(plan: Plan, name: str) -> StoredAt:
    storage, life = plan.layout.storages[name], plan.lives[name]
    return StoredAt(
        name, storage.dtype.name, storage.dtype.bytes, plan.offset[name],
        storage.rows, storage.row_elements, life.cell_bytes,
        () if plan.straight(name) else tuple(plan.addresses[name].tolist()),
        life_runs(life),
    )  # fmt: skip


def life_runs(life: Life) -> tuple[LifeRun, ...]:
    """Packs the lifetimes of cells: neighbours whose moments grow evenly are one entry.

    live  1-7 3-9 5-11 | 20-26 22-26 24-26         [3, 1, 7, 2, 2] [3, 20, 26, 2, 0]
    """
    later, longer = np.diff(life.start), np.diff(life.stop)
    change = (np.diff(later) != 0) | (np.diff(longer) != 0)
    ends = [*(np.flatnonzero(change) + 1).tolist(), len(later)]  # of evenly growing differences
    found, first, count = [], 0, len(life.start)
    for end in ends:
        if end <= first:  # the one step from run to run
            continue
        cells = min(end + 1, count) - first
        grow = (int(later[first]), int(longer[first])) if cells > 1 else (0, 0)
        found.append((cells, int(life.start[first]), int(life.stop[first]), *grow))
        first += cells
    if first < count:
        found.append((1, int(life.start[first]), int(life.stop[first]), 0, 0))
    return tuple(found)


def lifetimes_of(stored: StoredAt) -> tuple[IntArray, IntArray]:
    """The first and the last moment of every cell of a storage."""
    cells, first, last, later, longer = np.array(stored.live, np.int64).reshape(-1, 5).T
    k = np.arange(cells.sum()) - np.repeat(np.cumsum(cells) - cells, cells)
    start = first.repeat(cells) + k * later.repeat(cells)
    stop = last.repeat(cells) + k * longer.repeat(cells)
    return np.asarray(start, np.int64), np.asarray(stop, np.int64)


def addresses_of(stored: StoredAt) -> IntArray:
    """The first byte of every cell of a storage."""
    cells = sum(run[0] for run in stored.live)
    at = np.arange(cells, dtype=np.int64) * stored.cell_bytes
    if not stored.row_offsets:
        return at + stored.offset
    each = cells // stored.rows
    return (
        np.repeat(np.array(stored.row_offsets, np.int64), each) + at[:each][np.arange(cells) % each]
    )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Port):  # of floats: as they always were
        own = {f.name: f.default for f in fields(value)}
        return {k: v for k, v in asdict(value).items() if k not in _NEW or v != own[k]}
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _entry(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"    {json.dumps(v)}" for v in value) + "\n  ]"
    return json.dumps(value)
