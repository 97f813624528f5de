"""Restructured networks, in C and as plain ONNX: the tables of docs/restructure.md.

    python -m bench.restructure [--shared ../shared] [--only NAME] [--check] [--no-onnx]

The five networks of Cipolletta and Calimera (DATE 2021), filled with random weights: layer by
layer; as ONNX in tiles; in C with the image resident, streamed, and streamed with column bands at
no more than 5 % extra multiply-adds. And the three networks of msf-CNN (NeurIPS 2025) against each
published point. Elements are counted. `--check` emits every C program, builds it CHECKED at both
levels and compares it with onnxruntime.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from bench.layers import network
from bench.portable import NETWORKS, filled
from bench.tables import markdown, put
from lowtide.clock import Clock
from lowtide.pipeline.fit import fit, read
from lowtide.pipeline.fit_onnx import fit_portable
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs/restructure.md"
WAYS = {
    "resident": Options(align=4),
    "streamed": Options(align=4, image="streamed"),
    "bands": Options(align=4, image="streamed", max_overhead=0.05),
}
# The arena in bytes at int8 and the multiply-adds over those of the network: what msf-CNN states.
POINTS = {
    "msf_mbv2_w0.35_r144": ((67_996, 1.10), (21_389, 1.30), (15_199, 1.38), (8_560, 1.68)),
    "msf_mcunet_vww5_r80": ((45_283, 1.04), (20_568, 1.30), (15_368, 1.96)),
    "msf_mcunet_320k_r176": ((217_891, 1.25), (94_224, 1.45), (63_456, 2.02), (51_164, 2.69)),
}


@dataclass(frozen=True)
class Made:
    """A plan, the processor's seconds it took, and what the judge said if it was asked."""

    plan: Plan
    seconds: float
    judged: str = ""

    @property
    def saving(self) -> float:
        return 1 - self.plan.arena_bytes / self.plan.profile.layerwise_bytes


def planned(model: Path | onnx.ModelProto, options: Options, check: bool = False) -> Made:
    """Plans, and with `check` emits and judges."""
    began = time.process_time()
    clock = Clock(lambda _: None)
    source, graph = read(model, clock)
    plan = make_plan(source, graph, options, clock)
    spent = time.process_time() - began
    if not check:
        return Made(plan, spent)
    checks = fit(model, options=options).checks
    assert checks is not None
    judged = f"{checks.checked_reads:,} reads, {checks.faults} faults, {checks.max_rel_diff:.1e}"
    return Made(plan, spent, judged)


HEAD = (
    "network", "layer by layer", "ONNX %", "extra %", "resident", "saving %", "live %",
    "streamed", "saving %", "live %", "bands", "saving %", "extra %", "plan s",
)  # fmt: skip


def row(title: str, portable: tuple[float, float] | None, made: dict[str, Made]) -> list[str]:
    """One network; plan s is that of the longest of the three plans."""
    whole = made["resident"].plan.profile.layerwise_bytes
    cells = [title, f"{whole // 4:,}"]
    cells += [f"{100 * share:.2f}" for share in portable] if portable else ["-", "-"]
    for name, one in made.items():
        cells += [f"{one.plan.arena_bytes / 4:,.0f}", f"{100 * one.saving:.2f}"]
        if name == "bands":
            cells.append(f"{100 * one.plan.mac_overhead:.2f}")
        else:
            cells.append(f"{100 * (1 - one.plan.profile.lower_bound_bytes / whole):.2f}")
    return [*cells, f"{max(one.seconds for one in made.values()):.0f}"]


def averages(rows: Sequence[Sequence[str]]) -> list[str]:
    """The averages of the columns of shares."""
    found = ["average", ""]
    for k, name in enumerate(HEAD[2:], 2):
        values = [float(row[k]) for row in rows if "%" in name and row[k] != "-"]
        found.append(f"{sum(values) / len(values):.2f}" if values else "")
    return found


def structures(shared: Path, only: str | None, check: bool, portable: bool) -> list[list[str]]:
    """The rows of the first table."""
    rows = []
    with TemporaryDirectory() as folder:
        for name, title in NETWORKS.items():
            if only not in (None, name):
                continue
            path = filled(shared, name, Path(folder))
            made = {way: planned(path, options, check) for way, options in WAYS.items()}
            for way, one in made.items():
                if check:
                    print(f"{title} {way}: {one.judged}", file=sys.stderr, flush=True)
            tiles = fit_portable(path) if portable else None
            path.unlink()
            rows.append(row(title, (tiles.saving, tiles.overhead) if tiles else None, made))
            print("plan s:", *(f"{one.seconds:.0f}" for one in made.values()), file=sys.stderr)
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    return rows


POINT_HEAD = ("network", "published", "work", "here", "work", "dominated", "plan s")


def points(shared: Path, only: str | None) -> Iterator[list[str]]:
    """Every published point, and the least memory for no more work."""
    for name, published in POINTS.items():
        if only not in (None, name):
            continue
        model = network(shared / f"models/layers/{name}.csv")
        for size, work in published:
            options = Options(
                align=1, element_bytes=1, image="streamed", result="streamed",
                max_overhead=round(work - 1, 4),
            )  # fmt: skip
            made = planned(model, options)
            arena, extra = made.plan.arena_bytes, made.plan.mac_overhead
            better = arena <= size and extra <= work - 1
            yield [
                name, f"{size:,}", f"{work:.2f}", f"{arena:,}", f"{1 + extra:.2f}",
                "yes" if better else "no", f"{made.seconds:.0f}",
            ]  # fmt: skip


def main() -> None:
    """Measures and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", help="one network; prints its rows and writes nothing")
    parser.add_argument("--check", action="store_true", help="emit and judge every program")
    parser.add_argument("--no-onnx", action="store_true", help="leave out the ONNX in tiles")
    given = parser.parse_args()
    rows = structures(given.shared, given.only, given.check, not given.no_onnx)
    found = list(points(given.shared, given.only))
    tables = {
        "five": markdown(HEAD, [*rows, averages(rows)]) if rows else "",
        "msf": markdown(POINT_HEAD, found) if found else "",
    }
    for name, table in tables.items():
        if given.only is None:
            put(DOCS, name, table)
        else:
            print(table)


if __name__ == "__main__":
    main()
