"""The program as it ships: without the judge.

checks/net.c                            net.c
#ifdef LOWTIDE_CHECKED .. #else a #endif    a
TASK(3, y);                             (gone: without the judge it is ((void)0))
"""

from __future__ import annotations

import re

_JUDGE = re.compile(r"\s*#ifdef LOWTIDE_CHECKED$")
_IF, _ELSE, _END = re.compile(r"\s*#\s*if"), re.compile(r"\s*#\s*else"), re.compile(r"\s*#\s*endif")
_NOTHING = re.compile(r"#define (\w+)(\(.*?\))? \(\(void\)0\)$")
_STATEMENT = re.compile(r"\s*(\w+)(\(.*\))?;$")


def shipped(text: str) -> str:
    """A judged program without the judge.

    Branches that are for it alone go, and so does every statement of a macro that is nothing
    without it. `check/same_program.py` holds the two to each other.
    """
    kept, nothing, around = list[str](), set[str](), list[str]()
    for line in text.split("\n"):
        here = around[-1] if around else ""
        if _JUDGE.match(line):
            around.append("judge")
            continue
        if _IF.match(line):
            around.append("other")
        elif _ELSE.match(line) and here == "judge":
            around[-1] = "without"
            continue
        elif _END.match(line) and around.pop() != "other":
            continue
        if "judge" in around:
            continue
        if here == "without" and (found := _NOTHING.match(line)):
            nothing.add(found[1])
        elif not ((found := _STATEMENT.match(line)) and found[1] in nothing):
            kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept))
