"""How far a network whose weights were stored small is from its original, in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from lowtide.check.difference import distance
from lowtide.check.exact.blocks import largest_of
from lowtide.check.numbers import Reference, lively_inputs
from lowtide.ir.graph import Array, Graph
from lowtide.ir.original import RANDOM, Apart

Sets = Callable[[Graph], Mapping[str, Mapping[str, Array]]] | Mapping[str, Mapping[str, Array]]


def apart_on_samples(
    original: Path | bytes,
    compressed: bytes,
    name: str,
    graph: Graph,
    samples: Sets | None,
) -> tuple[Apart, ...]:
    """The difference on a random input, and on the samples."""
    reference, other = Reference(original, name, optimised=False), Reference(compressed, name)
    shapes = {one: (graph.shape(one), "float32") for one in graph.inputs}
    random = lively_inputs(reference.run, shapes)
    given = samples(graph) if callable(samples) else samples or {}
    pairs = [
        (RANDOM, [(random.outputs, other.run(random.inputs).outputs)]),
        (
            f"{len(given)} sample{'s' if len(given) > 1 else ''}",
            [(reference.run(x).outputs, other.run(x).outputs) for x in given.values()],
        ),
    ]
    return tuple(_apart(on, both) for on, both in pairs if both)


def _apart(on: str, both: list[tuple[tuple[Array, ...], tuple[Array, ...]]]) -> Apart:
    columns = zip(*(zip(refs, made, strict=True) for refs, made in both), strict=True)
    most, share = 0.0, 0.0
    for column in columns:
        gap = max(distance(y, ref) for ref, y in column)
        size = max(largest_of(ref) for ref, _ in column)
        most, share = max(most, gap), max(share, gap / size if size else 0.0)
    return Apart(on, most, share)
