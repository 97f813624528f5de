"""Steps of several rows: the arena, and the weights that one run reads, at each objective.

    python -m bench.steps [--shared ../shared] [--only NAME]

Known architectures filled with random weights, image in the arena. *Row by row*: every row reads
its operator's weights. *Least*: every weight once. MiB of float32, no cache between.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from bench.peers.networks import NETWORKS
from bench.portable import filled
from bench.tables import markdown, put
from lowtide.clock import Clock
from lowtide.pipeline.fit import read
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Objective, Options
from lowtide.planner.plan import Plan
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.rows.schedule import Schedule

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs/restructure.md"
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
HEAD = (
    "network", "row by row", "least", "memory: arena KiB", "read", "balanced: arena KiB", "read",
    "latency: arena KiB", "read", "plan s", "of it steps s",
)  # fmt: skip
STEPS = ("steps of several rows", "placing rows anew")


def row_by_row(plan: Plan) -> int:
    """Bytes of weights that the plan would read in steps of one row."""
    runs = tuple(replace(run, together=1) for run in plan.schedule.runs)
    return weight_traffic(replace(plan, schedule=Schedule(runs)))


def row(title: str, path: Path) -> list[str]:
    """One network; the seconds are those of the plan of least memory."""
    cells, spent, steps = list[str](), 0.0, 0.0
    for objective in OBJECTIVES:
        clock, began = Clock(lambda _: None), time.perf_counter()
        source, graph = read(path, clock)
        plan = make_plan(source, graph, Options(objective=objective), clock)
        if objective == "memory":
            cells = [title, _mib(row_by_row(plan)), _mib(plan.profile.weight_bytes)]
            spent = time.perf_counter() - began
            steps = sum(clock.seconds.get(stage, 0.0) for stage in STEPS)
        cells += [f"{plan.arena_bytes / 1024:,.1f}", _mib(weight_traffic(plan))]
        print(title, objective, cells[-2:], clock.seconds, file=sys.stderr, flush=True)
    return [*cells, f"{spent:.0f}", f"{steps:.1f}"]


def _mib(count: int) -> str:
    return f"{count / (1 << 20):,.1f}"


def rows(shared: Path, only: str | None) -> Iterator[list[str]]:
    """A row for each network."""
    with TemporaryDirectory() as folder:
        for name, title in NETWORKS.items():
            if only in (None, name):
                path = filled(shared, name, Path(folder))
                yield row(title, path)
                path.unlink()


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", choices=NETWORKS, help="one network; prints, writes nothing")
    given = parser.parse_args()
    table = markdown(HEAD, list(rows(given.shared, given.only)))
    if given.only:
        print(table)
    else:
        put(DOCS, "steps", table)


if __name__ == "__main__":
    main()
