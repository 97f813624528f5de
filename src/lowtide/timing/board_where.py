"""Where a run's instructions went: by kind of instruction, and by function.

piece 5a8 6 4096     six instructions from address 5a8 on, executed 4096 times (count.c)
5a8: smlad ..        what they are (objdump)
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lowtide.check.child import run_child
from lowtide.timing.boards import Board

_KINDS = (
    (
        "multiply",
        r"v?(ml[as]|fm[as])\w*|vf?n?m[las][as]|vr?ml\w+|sml\w+|sm[mu]\w+|um(ul|la|aal|ls)\w*|v?n?mul\w*"
        r"|vqr?dmul\w+|f?n?m(add|sub|neg)|fn?m(ul|la|ls)\w*|[su]dot",
    ),
    ("load", r"(v?ld|pop|vpop)\w*|l[bhw]u?"),
    ("store", r"(v?st|push|vpush)\w*|s[bhw]"),
    (
        "branch",
        r"b|bl|blx|bx|br|blr|ret|[ct]bn?z|tb[bh]|le|letp|w?[dw]ls\w*|j|jal|jalr|jr"
        r"|b(eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)u?z?",
    ),
    ("vector", r"v\w+"),
)
"""The first that matches a mnemonic without condition, type and width, on any of the boards."""


@dataclass(frozen=True)
class Where:
    """Instructions by kind and by function, those of most first."""

    kinds: Mapping[str, int]
    functions: Mapping[str, int]


def where(board: Board, elf: Path, counts: str) -> Where:
    """What the plug-in's counts of a program are of."""
    tool = board.family.tool("objdump")
    command = [tool, *board.objdump, "-d", "--no-show-raw-insn", str(elf)]
    at, names, kinds = list[int](), list[str](), list[str]()
    function = ""
    for line in run_child(command).stdout.decode(errors="replace").splitlines():
        if found := re.match(r"[0-9a-f]+ <(.+)>:", line):
            function = found[1]
        elif found := re.match(r"\s*([0-9a-f]+):\s+(\S+)", line):
            at.append(int(found[1], 16))
            names.append(function)
            kinds.append(_kind(found[2]))
    by_kind, by_function = Counter[str](), Counter[str]()
    for piece in re.findall(r"^piece (\w+) (\d+) (\d+)$", counts, re.MULTILINE):
        address, instructions, runs = int(piece[0], 16), int(piece[1]), int(piece[2])
        first = bisect_left(at, address)
        for k in range(first, min(first + instructions, len(at))):
            by_kind[kinds[k]] += runs
            by_function[names[k]] += runs
    return Where(dict(by_kind.most_common()), dict(by_function.most_common()))


@cache
def _kind(mnemonic: str) -> str:
    word = re.sub(r"\..*", "", mnemonic)
    return next((name for name, pattern in _KINDS if re.fullmatch(pattern, word)), "other")
