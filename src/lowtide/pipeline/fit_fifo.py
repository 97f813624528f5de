"""fit --target fifo: how many pixels each edge of a streamed accelerator must hold."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lowtide.backends.fifo import Depths, build, emit, find_depths
from lowtide.backends.fifo.emit import facts
from lowtide.check.fifo import NPZ, Simulated, simulate
from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import UnsupportedModel
from lowtide.ir.graph import Shape
from lowtide.pipeline.read import Model, named, read
from lowtide.pipeline.result import Result
from lowtide.planner.options import Options, Source
from lowtide.quoting import for_terminal
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import show_bytes

_SHOWN = 2
"""Edges of so many pixels, which any FIFO holds, are counted and not listed."""


@dataclass(frozen=True, repr=False)
class FittedFifo(Result):
    """Depths of FIFOs, simulated where there was a C compiler; `files` is what is written."""

    source: Source
    found: Depths
    simulated: Simulated | None
    files: Mapping[str, bytes]
    seconds: float

    def facts(self) -> dict[str, Any]:
        """Everything `fit --target fifo --json` prints."""
        return {
            "target": "fifo",
            **_about(self.source),
            **facts(self.found),
            **(self.simulated.facts() if self.simulated else {"simulated_with": None}),
            "seconds": round(self.seconds, 3),
        }

    @property
    def _read(self) -> Sequence[Path]:
        return [Path(self.source.path)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self).splitlines()[0]}>"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        found, machine = self.found, self.found.machine
        least, calm = found.bits(found.no_deadlock), found.bits(found.no_stall)
        whole = found.bits(tuple(edge.pixels for edge in machine.edges))
        yield (
            f"{for_terminal(self.source.file)}: FIFOs of {show_bytes(-(-least // 8))} so that it "
            f"never locks, of {show_bytes(-(-calm // 8))} so that it never waits "
            f"({show_bytes(-(-whole // 8))} with whole frames)"
        )
        yield f"  best rate      {machine.interval:,} cycles a frame, a pixel a cycle in each layer"
        rows = [
            (machine.processes[e.producer].name, machine.processes[e.consumer].name, e, k)
            for k, e in enumerate(machine.edges)
            if max(found.no_deadlock[k], found.no_stall[k]) > _SHOWN
        ]
        yield f"  edges          {len(machine.edges)}, all others of 1 or {_SHOWN} pixels"
        if rows:
            yield f"    {'bits':>6} {'pixels':>8} {'no deadlock':>12} {'no stall':>9}  from, to"
        for one, other, edge, k in rows:
            yield (
                f"    {edge.bits:>6} {edge.pixels:>8,} {found.no_deadlock[k]:>12,} "
                f"{found.no_stall[k]:>9,}  {for_terminal(one)}, {for_terminal(other)}"
            )
        yield f"  least          {self._least}"
        said = self.simulated.shown if self.simulated else "no C compiler, so nothing"
        yield f"  simulated      {said}"

    @property
    def _least(self) -> str:
        if self.found.least_of_all:
            return "no choice of depths that never locks takes fewer bits"
        return "no depth can be one less; edges trade, so another choice may take fewer bits"


def _about(source: Source) -> dict[str, str]:
    return {"file": source.file, "sha256": source.sha256}


def fit_fifo(
    model: Model,
    *,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    io_type: Literal["file", "8bit"] = "file",
    progress: Progress = quiet,
) -> FittedFifo:
    """Finds the depths of a network's FIFOs and holds them to a simulation.

    Raises ModelError for a network that is no stream of pixels, CheckError, UsageError.
    """
    began, clock = time.perf_counter(), Clock(progress)
    source, graph = read(model, clock, shapes, max_elements, options=Options(io_type=io_type))
    with clock("finding depths"):
        try:
            found = find_depths(build(graph))
        except UnsupportedModel as error:
            raise error.within(file=named(model)) from None
    files = emit(found, _about(source))
    with clock("simulating"):
        simulated = simulate(json.loads(files["fifo.json"]), files[NPZ], source.file)
    return FittedFifo(source, found, simulated, files, time.perf_counter() - began)
