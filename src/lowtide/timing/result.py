"""What bench() measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lowtide.pipeline.markup import section, table
from lowtide.planner.memory_map import MemoryMap
from lowtide.quoting import for_terminal
from lowtide.sizes import show_bytes
from lowtide.timing.bench_text import bench_text
from lowtide.timing.pairs import Spread


@dataclass(frozen=True)
class Timed:
    """One of those that ran: seconds a run, of the processor and on the wall, and memory.

    `peak_rss_bytes` is that of its process, weights and all; `idle_rss_bytes` what the process had
    before it loaded the network. None where the system does not tell.
    """

    name: str
    version: str
    seconds: Spread
    wall: Spread
    peak_rss_bytes: int | None
    idle_rss_bytes: int | None

    def facts(self) -> dict[str, Any]:
        """For --json."""
        return {
            "name": self.name,
            "version": self.version or None,
            **self.seconds.facts("_s"),
            "wall_median_s": self.wall.median,
            "peak_rss_bytes": self.peak_rss_bytes,
            "idle_rss_bytes": self.idle_rss_bytes,
        }


@dataclass(frozen=True)
class OperatorTime:
    """Where time goes beside where memory goes: one operator in one run.

    `own_bytes` are the most that its output's rows take at one time, `live_bytes` the most of the
    arena that is in use while it runs. `seconds` is None of what the caller does (its rows).
    """

    name: str
    type: str
    seconds: float | None
    macs: int
    weight_bytes: int
    own_bytes: int
    live_bytes: int


@dataclass(frozen=True, repr=False)
class Benched:
    """A program timed, and what it was timed against.

    `ratio` is lowtide / other, of runs that stood side by side. `peak` is the multiply-adds a
    second that the core did in the same minute in registers alone (0: not measured).
    """

    memory: MemoryMap
    machine: Mapping[str, Any]
    core: int | None
    built: str
    rounds: int
    peak: float
    ours: Timed
    other: Timed | None = None
    ratio: Spread | None = None
    operators: tuple[OperatorTime, ...] = ()

    def __str__(self) -> str:
        return bench_text(self)

    def __repr__(self) -> str:
        ms = f"{1e3 * self.ours.seconds.median:.3g} ms a run"
        ratio = (
            f", {self.ratio.median:.2f} of {self.other.name}" if self.ratio and self.other else ""
        )
        return f"<Benched {for_terminal(self.memory.file)}: {ms}{ratio}>"

    def _repr_html_(self) -> str:
        timed = [self.ours, *([self.other] if self.other else [])]
        rows = [
            (f"{t.name} {t.version}".strip(), f"{1e3 * t.seconds.median:.3f} ms") for t in timed
        ]
        if self.ratio:
            rows.append(("ratio", f"{self.ratio.median:.3f}"))
        parts = [table(rows, ("", "a run"))]
        if self.operators:
            most = sorted(self.operators, key=lambda one: -(one.seconds or 0))
            times = (
                (o.name, o.type, "" if o.seconds is None else f"{1e6 * o.seconds:,.1f} µs",
                 show_bytes(o.live_bytes))
                for o in most
            )  # fmt: skip
            parts.append(table(times, ("operator", "type", "time", "live"), left=2))
        return section(self.memory.file, *parts)

    @property
    def macs(self) -> int:
        """Multiply-adds of the network; what a plan does twice is not counted twice."""
        held = self.memory.facts.get("macs")
        return held if isinstance(held, int) else sum(o.macs for o in self.memory.operators)

    @property
    def in_floats(self) -> bool:
        """Whether all that is stored is float32, as what `peak` was measured with."""
        return all(storage.dtype == "float32" for storage in self.memory.storages)

    def of_peak(self, macs: int, seconds: float) -> float | None:
        """Which share of what the core can do was used; None of other numbers than floats."""
        return macs / seconds / self.peak if self.peak and seconds and self.in_floats else None

    def facts(self) -> dict[str, Any]:
        """Everything `bench --json` prints."""
        return {
            "file": self.memory.file,
            "sha256": self.memory.sha256,
            "arena_bytes": self.memory.arena_bytes,
            "macs": self.macs,
            "machine": {**self.machine, "core": self.core},
            "built_with": self.built,
            "made_for": self.memory.made_for,
            "rounds": self.rounds,
            "peak_macs_per_s": self.peak or None,
            "lowtide": self._timed(self.ours),
            "other": self._timed(self.other) if self.other else None,
            "ratio": self.ratio.facts() if self.ratio else None,
            "operators": [self._operator(one) for one in self.operators] or None,
        }

    def _timed(self, one: Timed) -> dict[str, Any]:
        seconds = one.seconds.median
        return {
            **one.facts(),
            "macs_per_s": self.macs / seconds,
            "share_of_peak": self.of_peak(self.macs, seconds),
        }

    def _operator(self, one: OperatorTime) -> dict[str, Any]:
        share = self.of_peak(one.macs, one.seconds) if one.seconds else None
        return {**asdict(one), "share_of_peak": share}
