"""Random 8-bit networks of several operators: planned in many ways, beside their runtimes.

    python tests/builders/graph_cases.py tflite FIRST STOP      judges seeds, says what was reached

Each has to be read and to give its runtime's numbers, all of them.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import qdq_graphs
import tflite_graphs
import tflite_graphs_more  # more operators
from batches import Case, Judged, judge_batch
from integers import random_inputs
from lowtide.check.expected import Expected
from lowtide.check.numbers import Sample
from lowtide.check.runtimes import LITERT, TFLM, run
from lowtide.clock import Clock, quiet
from lowtide.ir.graph import Array
from lowtide.pipeline.read import Model, read
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options
from qdq import fused

assert tflite_graphs_more

_GREEDY = Options(place="greedy")
WAYS = (
    replace(_GREEDY, image="streamed"),
    replace(_GREEDY, image="streamed", result="streamed"),
    replace(_GREEDY, image="streamed", max_overhead=0.5),
    replace(_GREEDY, image="streamed", objective="latency"),
    replace(_GREEDY, result="streamed"),
    _GREEDY,
    replace(_GREEDY, schedule="layerwise", overlap="pixel"),
    replace(_GREEDY, schedule="layerwise", io_layout="nchw"),
)
"""How networks are planned, one after the other; half of them with the image streamed."""

AT_ONCE = 20
"""Networks in one run of the compiler."""


Truth = Callable[[Mapping[str, Array]], Sequence[Array]]
"""What a runtime makes of inputs."""


@dataclass(frozen=True)
class Held:
    """A network whose numbers have to be equal, and which operator reads which one's result."""

    pairs: Sequence[tuple[str, str]]
    whole: bool = True


def way(seed: int) -> Options:
    """How to plan network number `seed`."""
    found = WAYS[seed % len(WAYS)]
    return replace(found, align=4) if random.Random(f"way {seed}").random() < 0.3 else found


def _tflite(seed: int, folder: Path) -> Case:
    content, net = tflite_graphs.grown(seed)
    file = folder / f"{seed}.tflite"
    file.write_bytes(content)
    runtime = TFLM if net.base == "int8" else LITERT
    return _case(
        f"tflite {seed}", file, net.pairs, lambda inputs: run(runtime, content, [inputs])[0]
    )


def _qdq(seed: int, _: Path) -> Case:
    net = qdq_graphs.grown(seed)
    model = net.model()
    return _case(f"qdq {seed}", model, net.pairs, lambda _: fused(model, net.feeds), net.feeds)


def _case(
    name: str, model: Model, pairs: Sequence[tuple[str, str]], truth: Truth,
    inputs: Mapping[str, Array] | None = None,
) -> Case:  # fmt: skip
    seed = int(name.split()[1])
    source, graph = read(model, Clock(quiet))
    given = dict(inputs or random_inputs(graph, seed))
    held = tuple(
        np.asarray(y).reshape(graph.tensors[n].shape).astype(graph.tensors[n].stored.name)
        for n, y in zip(graph.outputs, truth(given), strict=True)
    )
    plan = make_plan(source, graph, way(seed), Clock(quiet))
    expected = Expected(held, "integers", gaps=(0.0,) * len(held))
    return Case(name, Held(pairs), plan, Sample("given", given, expected))  # type: ignore[arg-type]


CASES = {"tflite": _tflite, "qdq": _qdq}


def judged(family: str, seeds: range, folder: Path) -> list[Judged]:
    """What is wrong with networks of a family, all in one run of the compiler."""
    return judge_batch([CASES[family](seed, folder) for seed in seeds], folder)


def reached(found: Sequence[Judged]) -> Counter[str]:
    """What networks are examples of: operators, pairs, plans; outputs that are alive or flat."""
    seen = Counter[str]()
    for one in found:
        pairs = one.case.network.pairs  # type: ignore[attr-defined]
        seen.update(one.counts())
        seen.update({f"{a} -> {b}" for a, b in pairs} | {b for _, b in pairs})
        for y in one.case.sample.outputs:
            seen["alive" if np.unique(y).size > min(3, y.size - 1) else "flat"] += 1
    return seen


def main(family: str, first: int, stop: int) -> None:
    seen, faults = Counter[str](), 0
    for at in range(first, stop, AT_ONCE):
        with TemporaryDirectory() as folder:
            found = judged(family, range(at, min(at + AT_ONCE, stop)), Path(folder))
        for one in found:
            print(*one.faults, sep="\n", end="" if not one.faults else "\n")
            faults += len(one.faults)
        seen += reached(found)
        print(f"{seen['judged']} judged, {faults} faults", flush=True)
    pairs = [name for name in seen if "->" in name]
    print({name: count for name, count in seen.items() if "->" not in name}, len(pairs), "pairs")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
