"""plan.json of networks in one arena: its size, and what is kept where. Each has its own beside."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from lowtide.errors import UnreadableModel
from lowtide.planner.together import Kept, Shared
from lowtide.quoting import is_network_name
from lowtide.version import __version__

SCHEMA = 1

_KEY = "together"


def shared_json(shared: Shared) -> bytes:
    """The text, an entry a line."""
    held = {"lowtide": __version__, _KEY: SCHEMA, **asdict(shared)}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in held.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def is_shared(content: bytes) -> bool:
    """Whether a plan.json is of several networks."""
    try:
        held = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(held, dict) and _KEY in held


def read_shared(content: bytes, file: str) -> Shared:
    """Reads it back; raises UnreadableModel, naming `file`, if it is none."""
    try:
        held = json.loads(content)
        if held[_KEY] != SCHEMA:
            raise UnreadableModel(f"schema {held[_KEY]} is not {SCHEMA}", file=file)
        known = {one.name: held[one.name] for one in fields(Shared)}
        kept = tuple(Kept(**{f.name: one[f.name] for f in fields(Kept)}) for one in known["kept"])
        shared = Shared(**{**known, "networks": tuple(known["networks"]), "kept": kept})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableModel("not a plan that lowtide wrote", file=file) from error
    if not _sound(shared):
        raise UnreadableModel("not a plan that lowtide wrote: it makes no sense", file=file)
    return shared


def _sound(shared: Shared) -> bool:
    """Whether every entry is of its type, and names what is there."""
    sizes: list[Any] = [shared.arena_bytes, shared.arena_align, shared.turn_bytes]
    names: list[Any] = [*shared.networks]
    for one in shared.kept:
        sizes += [one.offset, one.bytes]
        names += [one.network]
    return (
        all(type(size) is int and 0 <= size < 1 << 40 for size in sizes)
        and all(isinstance(name, str) and is_network_name(name) for name in names)
        and len({*shared.networks}) == len(shared.networks) > 1
        and all(one.network in shared.networks for one in shared.kept)
        and all(isinstance(text, str) for one in shared.kept for text in (one.port, one.storage))
        and all(one.way in ("input", "output") for one in shared.kept)
    )
