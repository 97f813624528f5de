"""What is to survive the turns of other networks, from the words of --keep.

wake:state                     an input or output of wake
face:features=wake:image       what face makes is what wake reads: the same bytes, both kept
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lowtide.errors import UsageError
from lowtide.layout.ports import Port
from lowtide.planner.plan import Plan
from lowtide.planner.together import Kept
from lowtide.quoting import for_terminal


@dataclass(frozen=True)
class _Named:
    """An input or output that was named, of which network."""

    kept: Kept
    port: Port
    plan: Plan


def read_kept(texts: Sequence[str], plans: Sequence[Plan]) -> list[tuple[Kept, ...]]:
    """What shares bytes, and is kept; raises UsageError for what makes no sense."""
    found, seen = list[tuple[Kept, ...]](), set[tuple[str, str]]()
    for text in texts:
        named = [_find(word, text, plans) for word in text.split("=")]
        for other in named[1:]:
            _check_same(named[0], other, text)
        group = tuple(one.kept for one in named)
        places = [(one.network, one.storage) for one in group]
        if len(places) == 1 and {*places} <= seen:
            continue  # it lies in what is kept already
        if seen & {*places} or len({*places}) < len(places):
            raise UsageError(f"--keep {for_terminal(text)}: named twice; say it in one --keep")
        if sum(one.way == "output" for one in group) > 1:
            raise UsageError(f"--keep {for_terminal(text)}: two outputs cannot be the same bytes")
        seen |= {*places}
        found.append(group)
    return found


def _find(word: str, text: str, plans: Sequence[Plan]) -> _Named:
    network, _, name = word.partition(":")
    plan = next((one for one in plans if one.options.name == network), None)
    if plan is None or not name:
        there = ", ".join(one.options.name for one in plans)
        raise UsageError(
            f"--keep {for_terminal(text)}: NETWORK:NAME of an input or output; the networks are "
            f"{there}"
        )
    ways: tuple[tuple[Literal["input", "output"], tuple[Port, ...]], ...]
    ways = (("input", plan.inputs), ("output", plan.outputs))
    for way, ports in ways:
        port = next((one for one in ports if name in (one.name, one.identifier)), None)
        if port is None:
            continue
        if port.streamed:
            raise UsageError(
                f"--keep {for_terminal(text)}: it is handed over row by row, and lies nowhere whole"
            )
        storage = plan.layout.places[port.tensor].storage
        if any(port.name == one.output.name for one in plan.states):
            raise UsageError(f"--keep {for_terminal(text)}: it is a state, which is kept anyway")
        return _Named(Kept(network, way, port.name, storage), port, plan)
    known = ", ".join(for_terminal(one.name) for one in (*plan.inputs, *plan.outputs))
    raise UsageError(f"--keep {for_terminal(text)}: {network} has {known}")


def _check_same(one: _Named, other: _Named, text: str) -> None:
    """Raises UsageError unless the bytes of one are those of the other."""
    for what, a, b in (
        ("the type", one.port.dtype, other.port.dtype),
        ("what numbers stand for", _stands_for(one.port), _stands_for(other.port)),
        ("the order in memory", _lies(one.port), _lies(other.port)),
    ):
        if a != b:
            raise UsageError(f"--keep {for_terminal(text)}: {what} differs, {a} and {b}")
    for each in (one, other):
        if each.plan.layout.storages[each.kept.storage].bytes != each.port.bytes:
            raise UsageError(
                f"--keep {for_terminal(text)}: {for_terminal(each.port.name)} lies in memory with "
                "others, and cannot be another network's as well: keep and copy it"
            )


def _stands_for(port: Port) -> str:
    return f"(number - {port.zero}) * {port.scale:.9g}" if port.scale else "themselves"


def _lies(port: Port) -> str:
    """Its axes as they lie in memory, without those of length 1."""
    return "x".join(str(port.shape[a]) for a in port.order if port.shape[a] > 1) or "1"
