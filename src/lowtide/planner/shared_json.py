"""plan.json of networks in one arena: its size, and what is kept where. Each has its own beside."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

from lowtide.errors import FIT_AGAIN, UnreadableModel
from lowtide.planner.plan_json import mistyped
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
            raise UnreadableModel(
                f"of another version of lowtide: schema {held[_KEY]}, not {SCHEMA}",
                file=file,
                hint=FIT_AGAIN,
            )
        known = {one.name: held[one.name] for one in fields(Shared)}
        kept = tuple(Kept(**{f.name: one[f.name] for f in fields(Kept)}) for one in known["kept"])
        shared = Shared(**{**known, "networks": tuple(known["networks"]), "kept": kept})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableModel("not a plan that lowtide wrote", file=file, hint=FIT_AGAIN) from error
    wrong = _wrong(shared)
    if wrong:
        raise UnreadableModel(f"not a plan that lowtide wrote: {wrong}", file=file, hint=FIT_AGAIN)
    return shared


def _wrong(shared: Shared) -> str | None:
    """The first entry that is not of its type, or makes no sense by itself."""
    for entry in (shared, *shared.kept):
        mistaken = mistyped(entry)
        if mistaken:
            return mistaken
    sizes = [shared.arena_bytes, shared.arena_align, shared.turn_bytes]
    sizes += [size for one in shared.kept for size in (one.offset, one.bytes)]
    if min(sizes) < 0 or max(sizes) >= 1 << 40:
        return "a size of it is beyond all memories"
    if not all(map(is_network_name, shared.networks)):  # they stand in C, and name files
        return "a network of it has no name"
    if len({*shared.networks}) < max(len(shared.networks), 2):
        return "two networks are needed, of two names"
    if not {one.network for one in shared.kept} <= {*shared.networks}:
        return "something is kept of no network"
    return None
