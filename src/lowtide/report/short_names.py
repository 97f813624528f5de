"""Names of operators in the room that a table has: what they have in common is left out first.

/features/features.0/features.0.0/Conv             ->    0.0
/features/features.1/conv/conv.0/conv.0.0/Conv     ->    1/conv.0.0
/features/features.18/features.18.1/Conv           ->    18.1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lowtide.quoting import for_terminal


def short_names(names: Sequence[str], width: int, types: Sequence[str] = ()) -> list[str]:
    """Each name in at most `width` characters; as they are where all have room.

    `types` stand beside them in the table: a name need not end in it again.
    """
    if all(len(name) <= width for name in names):
        return [for_terminal(name, width) for name in names]
    plain = what_differs(names, types)
    longest = max(map(len, plain))
    begins = (None, longest, *range(longest - width + 1))
    return max(([_cut(name, width, at) for name in plain] for at in begins), key=_distinct)


def what_differs(names: Sequence[str], types: Sequence[str] = ()) -> list[str]:
    """The names without what one path says twice, what the types say, and what all begin with."""
    found = _if_distinct(names, _without_repeats)
    if types:
        of = dict(zip(found, types, strict=True))
        found = _if_distinct(found, lambda name: _without_type(name, of[name]))
    begins = [end + 1 for end, c in enumerate(min(found)) if c in "/."]
    same = [end for end in begins if len({name[:end] for name in found}) == 1]
    return [name[max(same, default=0) :] for name in found]


def _if_distinct(names: Sequence[str], shorter: Callable[[str], str]) -> list[str]:
    """The shorter names; a name that another becomes too, or that is gone, stays."""
    made = [shorter(name) for name in names]
    count = Counter(made)
    return [new if new and count[new] == 1 else old for old, new in zip(names, made, strict=True)]


def _without_repeats(name: str) -> str:
    """/layer1/layer1.0/conv1/Conv -> layer1.0/conv1/Conv"""
    parts = [part for part in name.split("/") if part]
    after = [*parts[1:], ""]
    return "/".join(
        part
        for part, then in zip(parts, after, strict=True)
        if not f"{then}.".startswith(f"{part}.")
    )


def _without_type(name: str, type_: str) -> str:
    """layer1.0/conv1/Conv, Conv+Relu -> layer1.0/conv1"""
    return name.removesuffix(f"/{type_.partition('+')[0]}")


def _cut(name: str, width: int, at: int | None) -> str:
    """At most `width` characters of a name, from `at` on if there are so many, or both its ends."""
    begin = 0 if at is None else min(at, len(name) - width + 1)
    if at is None or len(name) <= width:
        return for_terminal(name, width)
    if begin <= 1:
        return for_terminal(f"{name[: width - 1]}…", width)
    end = begin + width - 1
    more = "" if end >= len(name) else "…"
    return for_terminal(f"…{name[begin : end - len(more)]}{more}", width)


def _distinct(names: Sequence[str]) -> int:
    return len(set(names))
