"""The program as it ships: without the judge.

checks/net.c                            net.c
#ifdef LOWTIDE_CHECKED .. #else a #endif    a
TASK(3, y);                             (gone: without the judge it is ((void)0))
"""

from __future__ import annotations

import re

from lowtide.backends.c99.without import without

_IF, _END = re.compile(r"\s*#\s*if"), re.compile(r"\s*#\s*endif")
_NOTHING = re.compile(r"#define (\w+)(\(.*?\))? \(\(void\)0\)$")
_STATEMENT = re.compile(r"\s*(\w+)(\(.*\))?;(\s*/\*.*\*/)?$")


def shipped(text: str) -> str:
    """A judged program without the judge.

    Branches that are for it alone go, and so does every statement of a macro that is nothing
    without it, whatever the compiler. `check/same_program.py` holds the two to each other.
    """
    kept, nothing, depth = list[str](), set[str](), 0
    for line in without(text, "LOWTIDE_CHECKED").split("\n"):
        depth += bool(_IF.match(line)) - bool(_END.match(line))
        if depth == 0 and (found := _NOTHING.match(line)):
            nothing.add(found[1])
        elif not ((found := _STATEMENT.match(line)) and found[1] in nothing):
            kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept))
