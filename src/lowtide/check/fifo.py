"""Depths of FIFOs, held to a simulation of the machine, cycle by cycle, from the files alone.

no_deadlock   every frame ends; with any edge one shorter the machine locks
no_stall      nobody waits for room, and the frames end when they end with whole frames in each
              edge; with any edge one shorter somebody waits
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np

from lowtide.check.child import run_child
from lowtide.check.compile import WARNINGS, check_compiler, compile_program, find_compiler
from lowtide.errors import FIT_AGAIN, CheckError, UnreadableModel
from lowtide.ir.graph import Array

_SOURCE = "fifo.c"
NPZ = "checks/fifo.npz"
_MOST = 1 << 28
"""Bytes that a stranger's file may unpack to, and firings that it may ask for."""


@dataclass(frozen=True)
class Simulated:
    """What was simulated, and that it passed: runs with given depths and with an edge shorter."""

    how: str
    cycles: int
    locked: int
    waited: int

    def facts(self) -> dict[str, Any]:
        return {
            "simulated_with": self.how,
            "simulated_cycles": self.cycles,
            "one_less_locked": self.locked,
            "one_less_waited": self.waited,
        }

    @property
    def shown(self) -> str:
        """In words."""
        return (
            f"{self.cycles:,} cycles without a wait; one pixel less locks on each of {self.locked} "
            f"edges, waits on each of {self.waited}"
        )


@dataclass(frozen=True)
class _Run:
    cycles: int
    waits: int
    locked: bool
    full: int


def simulate(held: Mapping[str, Any], packed: bytes, file: str) -> Simulated | None:
    """Raises CheckError unless the depths of fifo.json are what they say; None without a compiler.

    `packed` is checks/fifo.npz. Raises UnreadableModel where either is damaged.
    """
    compiler = find_compiler()
    if compiler is None:
        return None
    check_compiler(tuple(compiler))
    try:
        machine = _machine(held, packed)
        edges = [dict(one) for one in held["edges"]]
        depths = {k: [_depth(e[k]) for e in edges] for k in ("no_deadlock", "no_stall")}
        whole = [_depth(e["pixels"]) * int(held["frames"]) for e in edges]
        named = [f"'{e['from']}' to '{e['to']}'" for e in edges]
        claimed = int(held["cycles"])
    except Exception as error:  # json's, zipfile's, numpy's and zlib's are all different
        raise UnreadableModel(
            "not the FIFOs that lowtide wrote", file=file, hint=FIT_AGAIN
        ) from error
    given = [(0, 0, depths["no_deadlock"]), (1, 0, depths["no_stall"])]
    given += [(0, 0, depths["no_stall"]), (0, 0, whole)]
    shorter = {k: [i for i, d in enumerate(depths[k]) if d > 1] for k in depths}
    runs = [*given]
    for k, (paced, stop) in (("no_deadlock", (0, 0)), ("no_stall", (1, 1))):
        runs += [(paced, stop, _less(depths[k], edge)) for edge in shorter[k]]
    ended, calm, throttled, best, *less = _simulated(machine, runs, compiler)
    _pass(not ended.locked, file, "no_deadlock locks", named)
    _pass(not calm.waits, file, "no_stall waits for room", named, calm.full)
    for one in (calm, throttled, best):
        _pass(one.cycles == claimed, file, f"{one.cycles} cycles, not the {claimed} said", named)
    locks, waits = less[: len(shorter["no_deadlock"])], less[len(shorter["no_deadlock"]) :]
    for edge, one in zip(shorter["no_deadlock"], locks, strict=True):
        _pass(one.locked, file, "no_deadlock is not least: one less ends", named, edge)
    for edge, one in zip(shorter["no_stall"], waits, strict=True):
        _pass(one.waits > 0, file, "no_stall is not least: one less never waits", named, edge)
    return Simulated(compiler[0], claimed, len(locks), len(waits))


def _pass(held: bool, file: str, what: str, named: Sequence[str], edge: int = -1) -> None:
    if not held:
        at = f", at the edge from {named[edge]}" if edge >= 0 else ""
        raise CheckError(f"{file}: simulated, {what}{at}", hint="fit again")


def _less(depths: Sequence[int], edge: int) -> list[int]:
    return [d - (k == edge) for k, d in enumerate(depths)]


def _depth(value: Any) -> int:
    if not isinstance(value, int) or not 0 < value < 1 << 40:
        raise ValueError(value)
    return value


def _machine(held: Mapping[str, Any], packed: bytes) -> bytes:
    """What the simulation reads before its runs; ValueError where it would not end or not fit."""
    with ZipFile(BytesIO(packed)) as members:
        if sum(one.file_size for one in members.infolist()) > _MOST:
            raise ValueError
    arrays = dict(np.load(BytesIO(packed), allow_pickle=False))
    firings, ends = arrays["firings"], arrays["edges"]
    count, frames = len(firings), int(held["frames"])
    writes, reads = (_lists(arrays, name) for name in ("writes", "reads"))
    release = dict(zip(arrays["inputs"].tolist(), _lists(arrays, "release"), strict=True))
    times = [release.get(k, np.zeros(0, np.int64)) for k in range(count)]
    fit = (
        len(held["edges"]) == len(ends) == len(reads)
        and count == len(writes)
        and 0 < frames * int(firings.sum()) < _MOST
        and (firings > 0).all()
        and ends.shape[1:] == (2,)
        and ((ends >= 0) & (ends < count)).all()
        and all(_inside(one, n) for one, n in zip(writes, firings, strict=True))
        and all(_inside(one, firings[to]) for one, to in zip(reads, ends[:, 1], strict=True))
        and all(len(times[k]) in (0, firings[k] * frames) for k in range(count))
        and max(one["pixels"] for one in held["edges"]) == max(map(len, reads))
    )
    if not fit:
        raise ValueError
    numbers = [[count, len(ends), frames], firings]
    for one in (*writes, *reads, *times):
        numbers += [[len(one)], one]
    return b"".join(np.asarray(one, np.int64).tobytes() for one in [*numbers, ends])


def _lists(arrays: Mapping[str, Array], name: str) -> list[Array]:
    cuts = np.cumsum(arrays[f"{name}_counts"])
    if not len(cuts) or cuts[-1] != len(arrays[name]):
        raise ValueError(name)
    steps = arrays[name].astype(np.int64)
    return [np.cumsum(part) for part in np.split(steps, cuts[:-1])]


def _inside(firings: Array, count: int) -> bool:
    """Each firing once, in order, among `count`."""
    return bool(
        len(firings) and firings[0] >= 0 and firings[-1] < count and (np.diff(firings) > 0).all()
    )


def _simulated(
    machine: bytes, runs: Sequence[tuple[int, int, Sequence[int]]], compiler: Sequence[str]
) -> list[_Run]:
    asked = [np.array([paced, stop, *depths], np.int64) for paced, stop, depths in runs]
    data = machine + b"".join(one.tobytes() for one in (np.array([len(runs)], np.int64), *asked))
    text = (resources("lowtide.check") / _SOURCE).read_text()
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        command = [*compiler, *WARNINGS, "-O2"]
        files = {_SOURCE: text.encode()}
        program = compile_program(files, {}, _SOURCE, Path(folder), command, "fifo")
        done = run_child([str(program)], data)
    if done.returncode:
        raise CheckError(f"the simulation of FIFOs stopped with status {done.returncode}")
    rows = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    return [_Run(cycles, waits, bool(locked), full) for cycles, waits, locked, full in rows]
