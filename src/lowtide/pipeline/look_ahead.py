"""What is known of a fit with --flash before the weights are compressed, which takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import onnx

from lowtide.check.numbers import Reference, distance, largest_of, lively_inputs
from lowtide.errors import BudgetError
from lowtide.ir.graph import Array, Graph
from lowtide.ir.original import RANDOM, Apart
from lowtide.pipeline.ram import Planning, Sized, too_large
from lowtide.pipeline.suggest import missed
from lowtide.planner.make_plan import make_plan
from lowtide.planner.plan import Options
from lowtide.weights.candidates import Family
from lowtide.weights.compress import check_least
from lowtide.weights.network import Network
from lowtide.weights.stand_in import in_bits, in_fewest

SPARE = 256
"""Bytes of stack by which programs differ that hold the same layers in other numbers of bits."""

_CLEAR = 4096
"""A network that has so much room as it is has enough when it is stored in plain numbers."""

_QUICK = Options("layerwise", "given", "none", "greedy")
_BITS = 4

Sets = Callable[[Graph], Mapping[str, Mapping[str, Array]]] | Mapping[str, Mapping[str, Array]]


def weight_bytes(planning: Planning, element_bytes: int | None) -> int:
    """All constants that the operators read."""
    quick = replace(_QUICK, element_bytes=element_bytes)
    plan = make_plan(planning.source, planning.graph, quick, planning.clock)
    return plan.profile.weight_bytes


def look_ahead(
    network: Network,
    families: tuple[Family, ...],
    options: Options,
    budget: int,
    flash: int,
    dense: Sized,
    planned: Callable[[onnx.ModelProto], Planning],
) -> None:
    """Raises BudgetError where no way to store the weights meets the RAM.

    Plain numbers leave the arena as it is, whatever their bits: what is planned with them, and
    suggested, holds. Of factors those are tried between which the least lies.
    """
    if dense.ram_bytes + _CLEAR <= budget:
        return
    found: list[tuple[str, Planning, Sized]] = []
    for name, model in _stand_ins(network, families, flash):
        model.graph.name = Path(network.name).name
        planning = planned(model)
        planning.clock.progress(f"planning as it may be stored: {name}")
        sized = planning.within(options, budget)
        if sized.ram_bytes <= budget:
            return
        found.append((name, planning, sized))
    name, planning, sized = found[0]
    if name != "plain numbers":
        raise too_large(sized, budget, ())
    more = max((dense.beside.ram_bytes or 0) - (sized.beside.ram_bytes or 0), 0) + SPARE
    flags = f" --flash {flash}"
    raise missed(planning, options, budget, sized, network.name, spare=more, flags=flags)


def _stand_ins(
    network: Network, families: tuple[Family, ...], flash: int
) -> Iterator[tuple[str, onnx.ModelProto]]:
    if "plain" in families and _reaches(network, flash):
        yield "plain numbers", in_bits(network, _BITS)
    if "generated" in families:
        yield "factors", in_fewest(network)


def _reaches(network: Network, flash: int) -> bool:
    """Whether plain numbers alone can be small enough."""
    try:
        check_least(network, ("plain",), flash)
    except BudgetError:
        return False
    return True


def apart_on_samples(
    original: Path | bytes,
    compressed: bytes,
    name: str,
    graph: Graph,
    samples: Sets | None,
) -> tuple[Apart, ...]:
    """How far a network stored small is from its original, in onnxruntime: on a random input, and
    on the samples."""
    reference, other = Reference(original, name, optimised=False), Reference(compressed, name)
    shapes = {one: (graph.shape(one), "float32") for one in graph.inputs}
    random = lively_inputs(reference, shapes)
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
