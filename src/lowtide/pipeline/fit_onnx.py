"""fit --target onnx: the restructured network as plain ONNX, checked before it is handed out."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import onnx

from lowtide.backends.onnx import emit
from lowtide.check.difference import Difference, check_comparable, check_near, compare, scales
from lowtide.check.expected import Against, summary
from lowtide.check.in_child import in_child
from lowtide.check.numbers import Reference
from lowtide.check.onnx_memory import Measured, measure
from lowtide.check.truth import make_samples
from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import BudgetError, CheckError, Suggestion, UnsupportedModel, UsageError
from lowtide.frontends.tflite.load import refuse_tflite
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array, Graph, Shape
from lowtide.pipeline.fit import Samples
from lowtide.pipeline.read import Model, named, read
from lowtide.pipeline.result import Result
from lowtide.pipeline.suggest import SECONDS
from lowtide.planner.options import Source
from lowtide.planner.refuse import MOST_OVERHEAD
from lowtide.quoting import for_terminal
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import no_share, parse_bytes, show_bytes, show_change
from lowtide.tiling.improve import improve
from lowtide.tiling.search import search
from lowtide.tiling.segments import TiledSegment
from lowtide.tiling.tiler import Reached, Tiler
from lowtide.tiling.write import tiled
from lowtide.version import __version__

TILES, MAX_OVERHEAD = 16, 0.04
"""At most so many tiles a segment, and this share of extra multiply-adds, unless said otherwise."""

OVERHEADS = (0.1, 0.25, 0.5)
"""What is tried where a budget is missed."""

ELEMENT_BYTES = 4


@dataclass(frozen=True, repr=False)
class Portable(Result):
    """A restructured network and what its judge measured; sizes are elements unless named bytes.

    `before` is the network as lowtide simplifies it, layer by layer in the file's order, `after`
    the restructured one; both by `check.portable.measure`. `files` is what is written.
    """

    source: Source
    segments: tuple[TiledSegment, ...]
    before: Measured
    after: Measured
    numbers: Difference
    against: Against
    files: Mapping[str, bytes]
    seconds: Mapping[str, float]

    @property
    def overhead(self) -> float:
        """Extra multiply-adds as a share of the network's own."""
        return (self.after.macs - self.before.macs) / self.before.macs if self.before.macs else 0.0

    @property
    def saving(self) -> float:
        """How much lower the peak is, as a share of the layer-by-layer one."""
        return 1 - self.after.peak / self.before.peak if self.before.peak else 0.0

    def facts(self) -> dict[str, Any]:
        """Everything `fit --target onnx --json` prints."""
        return {
            "target": "onnx",
            "peak_bytes": self.after.peak * ELEMENT_BYTES,
            "peak_elements": self.after.peak,
            "layerwise_bytes": self.before.peak * ELEMENT_BYTES,
            "layerwise_elements": self.before.peak,
            "saving": round(self.saving, 6),
            "macs": self.after.macs,
            "mac_overhead": round(self.overhead, 6),
            "nodes": self.after.nodes,
            "segments": len(self.segments),
            "tiles_most": max(s.tiles * s.columns for s in self.segments),
            "peak_node": self.after.at,
            "max_abs_diff": self.numbers.max_abs,
            "max_rel_diff": self.numbers.max_rel,
            **self.against.facts(self.numbers.max_rel),
            "seconds": round(sum(self.seconds.values()), 3),
        }

    @property
    def _read(self) -> Sequence[Path]:
        return [Path(self.source.path)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self).splitlines()[0]}>"

    def __str__(self) -> str:
        before, after = (m.peak * ELEMENT_BYTES for m in (self.before, self.after))
        return (
            f"{for_terminal(self.source.file)}: {show_bytes(after)} at its fullest node "
            f"'{for_terminal(self.after.at)}'"
            f" ({show_bytes(before)} layer by layer, {show_change(before, after)}),"
            f" {100 * self.overhead:.2f} % extra multiply-adds,"
            f" {self.after.nodes} nodes ({self.before.nodes} before);"
            f" {self.against.shown(self.numbers.max_rel)} on the original"
        )


def fit_portable(
    model: Model,
    *,
    budget: str | int | None = None,
    tiles: int = TILES,
    max_overhead: float = MAX_OVERHEAD,
    samples: Samples | Mapping[str, Mapping[str, Array]] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress = quiet,
) -> Portable:
    """Restructures a network so that layer by layer it needs little, and checks the result.

    `tiles` is the most tiles of a segment, `max_overhead` the most extra multiply-adds as a share
    of the network's own (0.04: 4 %). `samples`, `shapes` and `max_elements` as for
    `fit`.
    Raises ModelError, BudgetError, UsageError and CheckError.
    """
    refuse_tflite(model, "--target onnx")
    if tiles < 1:
        raise UsageError(f"--tiles {tiles}: a whole number from 1 up is needed")
    if not 0 <= max_overhead <= MOST_OVERHEAD:
        raise no_share("--max-overhead", max_overhead)
    limit = None if budget is None else parse_bytes(budget, "--budget")
    clock = Clock(progress)
    source, graph = read(model, clock, shapes, max_elements, eight=False)
    _refuse(graph, source)
    given = samples(graph) if callable(samples) else samples or {}
    tiler, best = _least_work(graph, tiles, max_overhead, limit, clock)
    with clock("writing tiles"):
        made = emit(tiled(graph, tiler.parts(best.segments), tiler.limit))
    with clock("measuring the result"):
        before, after = measure(emit(graph)), measure(made)
        _judge(best, before, after, tiler)
    if limit is not None and after.peak * ELEMENT_BYTES > limit:
        raise _missed(graph, tiler, max_overhead, limit, after, source, named(model), clock)
    with clock("computing the references"):
        content = made.SerializeToString(deterministic=True)
        numbers, against = _compare(model, content, graph, given, source)
    files = {"net.onnx": content, "tiles.json": _tiles(graph, best, before, after)}
    return Portable(source, best.segments, before, after, numbers, against, files, clock.seconds)


def _least_work(
    graph: Graph, tiles: int, max_overhead: float, limit: int | None, clock: Clock
) -> tuple[Tiler, Reached]:
    """The least memory within the overhead; with a budget, what fits it without any if that can."""
    shares = (0.0, max_overhead) if limit is not None and max_overhead else (max_overhead,)
    for share in shares:
        tiler = Tiler(graph, tiles, share)
        with clock("searching segments"):
            found = search(tiler)
        with clock("improving segments"):
            best = improve(tiler, found[0])
        if limit is not None and best.peak * ELEMENT_BYTES <= limit:
            break
    return tiler, best


def _refuse(graph: Graph, source: Source) -> None:
    other = next((t for t in graph.tensors.values() if t.dtype != F32), None)
    if other is not None:
        what = f"'{other.name}' is {other.dtype}; float32 is needed"
        raise UnsupportedModel(what, file=source.path)


def _judge(best: Reached, before: Measured, after: Measured, tiler: Tiler) -> None:
    """The judge has to find what the search promised, in the file that is to be written."""
    extra = after.macs - before.macs
    if after.peak > best.peak or after.peak > before.peak:
        raise CheckError(f"planned for {best.peak} elements but {after.peak} live at '{after.at}'")
    if extra != best.extra or extra > tiler.budget:
        raise CheckError(f"planned for {best.extra} extra multiply-adds, the nodes need {extra}")


def _missed(
    graph: Graph,
    tiler: Tiler,
    max_overhead: float,
    limit: int,
    after: Measured,
    source: Source,
    model: str,
    clock: Clock,
) -> BudgetError:
    """What is missing; more work that would meet it, if that is found in time; and what would."""
    need, began = after.peak * ELEMENT_BYTES, time.process_time()
    told = []
    for share in (one for one in OVERHEADS if one > max_overhead):
        if 2 * (time.process_time() - began) > SECONDS:
            break
        clock.progress(f"{need - limit} bytes over the budget: trying --max-overhead {share}")
        _, best = _least_work(graph, tiler.tiles, share, limit, clock)
        if (peak := best.peak * ELEMENT_BYTES) <= limit:
            told.append(_suggestion(model, peak, {"budget": limit, "max_overhead": share}))
            break
    told.append(_suggestion(model, need, {"budget": need}, f"a budget of {need}"))
    return BudgetError(
        f"{source.where}: needs {need} bytes of activations ({show_bytes(need)}) at '{after.at}', "
        f"the budget is {limit}",
        {"peak_bytes": need, "ram_bytes": need, "budget_bytes": limit, "peak_node": after.at},
        told,
    )


def _suggestion(model: str, peak: int, changed: Mapping[str, Any], needs: str = "") -> Suggestion:
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in changed.items())
    command = f"lowtide fit {shlex.quote(model)} -o out --target onnx {flags}"
    words = {name: str(value) for name, value in changed.items()}
    return Suggestion(command, peak, words, needs=needs, counted="activations")


def _compare(
    model: Model,
    content: bytes,
    graph: Graph,
    given: Mapping[str, Mapping[str, Array]],
    source: Source,
) -> tuple[Difference, Against]:
    """onnxruntime on the new model against what is expected of the original."""
    held = model if isinstance(model, onnx.ModelProto) else Path(model)
    shapes = {name: graph.shape(name) for name in graph.inputs}
    elements = sum(prod(tensor.shape) for tensor in graph.tensors.values())
    samples = in_child(elements, make_samples, held, source.path, shapes, given)
    own = Reference(content, "the restructured network", optimised=False)
    results = {sample.name: own.run(sample.inputs).outputs for sample in samples}
    check_comparable(samples)
    found = compare(results, samples)
    check_near(found, samples, f"{source.path}: the restructured network")
    return found, summary([sample.expected for sample in samples], scales(samples))


def _tiles(graph: Graph, best: Reached, before: Measured, after: Measured) -> bytes:
    """tiles.json: which operators were made in how many tiles, and what was measured."""
    segments = [
        {
            "operators": [op.name for op in graph.operators[s.first : s.last]],
            "tiles": s.tiles * s.columns,
            "grid": [s.tiles, s.columns] if s.columns > 1 else None,
            "axis": ("batch", "channels", "rows", "columns")[s.axis] if s.tiles > 1 else None,
            "pivot": s.pivot or None,
            "again": [graph.operators[n].name for n in sorted(s.again)],
        }
        for s in best.segments
    ]
    held = {
        "lowtide": __version__,
        "layerwise_elements": before.peak,
        "peak_elements": after.peak,
        "macs": before.macs,
        "extra_macs": after.macs - before.macs,
        "segments": segments,
    }
    return (json.dumps(held, indent=1) + "\n").encode()
