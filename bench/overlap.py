"""What overlapping an output with its dying input saves: docs/overlap.md.

    python -m bench.overlap [--shared ../shared] [--only NAME] [--check]

Every layer table of ../shared/models/layers (random weights) and the trained detectors and
de-noisers, planned layer by layer at each overlap. Elements are counted, input and output included.
`--check` also emits the five networks of the papers, builds them CHECKED and compares them with
onnxruntime.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import onnx

from bench.layers import network
from bench.tables import markdown, put
from lowtide.clock import Clock
from lowtide.pipeline.fit import fit, read
from lowtide.pipeline.profile import profile
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan

ROOT = Path(__file__).parents[1]
TRAINED = ("face_slim_320", "face_rfb_320", "yunet_n_320", "fastestdet_352", "dncnn_25")
# The networks of Jokic et al.'s kinds that the judge runs.
SHORT = (
    "mobilenetv1_ssd_trunk_300",
    "ultraface_slim_240x320",
    "tiny_yolov2_416_conv_pool_fused",
    "dncnn_s_17_layers_gray_256x256",
    "ircnn_7_layers_dilated_180x180",
)
PACKED = Options(schedule="layerwise", align=4)


def networks(shared: Path) -> Iterator[tuple[str, Path | onnx.ModelProto]]:
    """Layer tables, then trained networks."""
    for path in sorted((shared / "models/layers").glob("*.csv")):
        yield path.stem, network(path)
    for name in TRAINED:
        yield name, shared / f"models/onnx/{name}.onnx"


def two_buffers(plan: Plan) -> int | None:
    """Two buffers that a chain's tensors take in turn, each as large as its largest; in bytes."""
    places = plan.layout.places
    chain = [places[name].storage for name in plan.layout.graph.inputs]
    for run in plan.schedule.runs:
        task = plan.tasks[run.task]
        read = {places[name].storage for name in task.operator.read if name in places}
        if len(chain) > len(plan.tasks) or read != {chain[-1]}:
            return None
        chain.append(places[task.output].storage)
    sizes = [plan.lives[storage].bytes for storage in chain]
    return max(sizes[::2]) + max(sizes[1::2], default=0)


def row(name: str, plans: dict[str, Plan], group16: Plan) -> list[str]:
    """One network, in elements."""
    none, pixel = plans["none"], plans["pixel"]
    before, weights = none.profile.ping_pong_bytes, none.profile.weight_bytes
    buffers = two_buffers(none)
    saved = before - pixel.arena_bytes
    return [
        name,
        _elements(before),
        _elements(buffers) if buffers else "-",
        _elements(none.arena_bytes),
        *(_elements(plans[overlap].arena_bytes) for overlap in ("row", "group", "pixel")),
        _elements(pixel.profile.lower_bound_bytes),
        _elements(group16.arena_bytes),
        "yes" if all(p.placement.proven for p in plans.values()) else "no",
        f"{100 * saved / before:.2f}",
        f"{100 * saved / (before + weights):.1f}",
    ]


def _elements(count: int) -> str:
    return f"{count / 4:,.0f}"


HEAD = (
    "network", "ping-pong", "two buffers", "layer by layer", "row", "group", "pixel",
    "live by pixel", "group, align 16", "proven", "% of activations", "% of the network",
)  # fmt: skip


def measure(name: str, model: Path | onnx.ModelProto) -> list[str]:
    """Plans a network at every overlap."""
    plans = profile(model, options=PACKED).overlaps
    source, graph = read(model, Clock(lambda _: None))
    group16 = make_plan(source, graph, replace(PACKED, align=16), Clock(lambda _: None))
    return row(name, plans, group16)


def check(name: str, model: Path | onnx.ModelProto) -> None:
    """Emits a network with pixels overlapped, runs it under both levels of the judge."""
    for options in (replace(PACKED, overlap="pixel"), PACKED):
        fitted = fit(model, options=options)
        checks = fitted.checks
        assert checks is not None
        print(
            f"{name} --overlap {options.overlap}: arena {_elements(fitted.arena_bytes)} elements, "
            f"{checks.checked_reads:,} reads checked, {checks.faults} faults, "
            f"max rel diff {checks.max_rel_diff:.1e}",
            flush=True,
        )


def main() -> None:
    """Writes docs/overlap.md."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", help="one network; prints its row and writes nothing")
    parser.add_argument("--check", action="store_true", help="run the papers' networks instead")
    given = parser.parse_args()
    rows = []
    for name, model in networks(given.shared):
        if given.only not in (None, name):
            continue
        if given.check:
            if given.only or name in SHORT:
                check(name, model)
            continue
        rows.append(measure(name, model))
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    if given.only and rows:
        print(markdown(HEAD, rows))
    elif rows:
        put(ROOT / "docs/overlap.md", "table", markdown(HEAD, rows))


if __name__ == "__main__":
    main()
