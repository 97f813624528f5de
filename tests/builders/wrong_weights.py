"""Emitted C with other weights than the network's: what a judge must notice."""

from __future__ import annotations

import re


def with_wrong_weights(text: str, constants: str, operator: str = ".*?") -> str:
    """A program's constants with 99 for all weights of an operator, in the order of every family.

    Without a name it is the first that has any.
    """
    name = re.search(rf"/\* {operator}: .*?\b(w\d+\w*)", text, re.DOTALL)
    assert name
    array = rf"(^static [^=]*\b{name[1]}\[\d+\] = \{{)([^}}]*)\}}"
    wrong, count = re.subn(
        array,
        lambda found: found[1] + re.sub(r"-?\d+", "99", found[2]) + "}",
        constants,
        flags=re.M,
    )
    assert count
    return wrong
