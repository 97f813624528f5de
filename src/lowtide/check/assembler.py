"""Functions as a compiler's assembler has them: how deep each pushes, and whom it calls.

    net_run:  push {r4, lr}     8 bytes
              bl   conv         calls conv
              b    ending       so does a jump to another function
              blx  r3           calls whatever a pointer leads to
    tiles:    .word tile4       a pointer may lead to tile4

It reads what GCC and Clang write for Arm, AArch64, RISC-V and x86. A jump never makes the depth
smaller than it is there: code that only a table leads to is as deep as the function ever was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(eq=False)
class Function:
    """`pushed`: the most bytes below where it was called from, its return address among them.

    `known` is False where it moves the stack by a register: then `pushed` is a part of it.
    """

    name: str
    pushed: int = 0
    known: bool = True
    pointer: bool = False
    calls: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Assembler:
    """The functions of a text by name, and those that a pointer may lead to."""

    functions: Mapping[str, Function]
    pointed: frozenset[str]


def read_assembler(text: str, return_bytes: int = 0) -> Assembler:
    """Reads a whole text; a call pushes `return_bytes` by itself."""
    lines = [(name, *line) for name, line in _lines(_NUMBERS.sub("", text))]
    functions: dict[str, Function] = {}
    for name, body in _bodies(lines):
        functions[name] = _Reader(Function(name, return_bytes), body).function
    for one, other in _ALIAS.findall(text):
        if other in functions:
            functions[one] = Function(one, calls={other})
    named = {word for line in lines if _may_point(line) for word in _NAME.findall(line[2])}
    return Assembler(functions, frozenset(named & functions.keys()))


Line = tuple[str, str, str]
"""A label or nothing, an instruction or directive, its operands."""

_NUMBERS = re.compile(
    r"^\s*\.(?:(?:ascii|asciz|string)\s.*|\w+\s+-?(?:0x[\da-fA-F]+|\d+)(?:\s*[@#/].*)?)\n",
    re.MULTILINE,
)
"""Lines of weights: most of the text, and nothing of it matters."""
_COMMENT = re.compile(r"(?:^|\s)(?:[@#;]|//|##)(?:\s.*|)$|^\s*[@#/].*$")
_LABEL = re.compile(r"^\s*([\w.$]+):\s*")
_NAME = re.compile(r"[A-Za-z_.$][\w.$]*")
_LOCAL = re.compile(r"(?:\.?L[\w.$]+|\d+[fb]?)$")
_ALIAS = re.compile(r"^\s*\.(?:thumb_)?set\s+([\w.$]+),\s*([\w.$]+)\s*$", re.MULTILINE)
_DATA = {".word", ".long", ".quad", ".4byte", ".8byte", ".xword", ".dword", ".int", ".2byte",
         ".byte", ".hword", ".short", ".half"}  # fmt: skip
_TAILS = ("TAILCALL", "sibling call")
_CALL = re.compile(
    r"(?:bl?x?|b(?:eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al))(?:\.[nw])?$|b\.\w\w$"
    r"|(?:notrack\s+)?(?:call|jmp)q?$|j[a-z]{1,3}$|tail$|jalr?$|jr$|blr$|br$|cbn?z$|tbn?z$"
)
_REGISTER = re.compile(r"(?:[rxwats]\d+|lr|ip|fp|sl|sb|pc|ra|%.*|\*.*|-?\d*\(.*\))$")
_ENDS = re.compile(
    r"(?:b|b\.n|b\.w|bx|br|jr|j|tail|ret|retq|jmp|jmpq|notrack jmp|ud2|hlt|udf|brk|ebreak"
    r"|tbb|tbh)$"
)


def _lines(text: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for raw in text.splitlines():
        tail = any(mark in raw for mark in _TAILS)
        for part in _COMMENT.sub("", raw).split(";"):
            while label := _LABEL.match(part):
                yield label[1], ("", "")
                part = part[label.end() :]
            words = part.strip().replace("notrack ", "").split(None, 1)
            if words:
                end = " TAILCALL" if tail else ""
                yield "", (words[0].lower(), (words[1] if len(words) > 1 else "") + end)


def _bodies(lines: Sequence[Line]) -> Iterator[tuple[str, Sequence[Line]]]:
    """Each label that is no local one, and what follows, if instructions do."""
    at = [k for k, line in enumerate(lines) if line[0] and not _LOCAL.match(line[0])]
    for start, end in pairwise([*at, len(lines)]):
        body = lines[start + 1 : end]
        if any(line[1] and line[1][0] != "." for line in body):
            yield lines[start][0], body


def _may_point(line: Line) -> bool:
    """Whether a name in it may be a pointer: data, and instructions that call nobody."""
    word = line[1]
    return word in _DATA or (bool(word) and word[0] != "." and not _CALL.match(word))


class _Reader:
    """Follows a function from its first line to its last."""

    def __init__(self, function: Function, body: Sequence[Line]) -> None:
        self.function, self.body = function, body
        self.depth: int | None = function.pushed
        self.at: dict[str, int] = {}
        """The depth at which labels are jumped to."""
        for k, (label, word, operands) in enumerate(body):
            if label:
                self._arrive(label)
            elif word and word[0] != ".":
                self._step(word, operands, k)

    def _arrive(self, label: str) -> None:
        there = self.at.get(f"{label}f" if label.isdigit() else label)
        if self.depth is None:
            self.depth = self.function.pushed if there is None else there
        elif there is not None:
            self.depth = max(self.depth, there)

    def _step(self, word: str, operands: str, k: int) -> None:
        if self.depth is None:
            self.depth = self.function.pushed
        moved = moves(word, operands)
        if moved is None:
            self.function.known = False
        else:
            self.depth += moved
        self.function.pushed = max(self.function.pushed, self.depth)
        for name in re.findall(r"[\w.$]+", operands):
            if _LOCAL.match(name):
                self.at[name] = max(self.at.get(name, 0), self.depth)
        if _CALL.match(word):
            self._call(word, operands, k)
        if _ENDS.match(word) or (_POPS.match(word) and re.search(r"\bpc\b", operands)):
            self.depth = None

    def _call(self, word: str, operands: str, k: int) -> None:
        tail = operands.endswith(" TAILCALL")
        operands = operands.removesuffix(" TAILCALL")
        if "@GOTPCREL" in operands:
            operands = operands.lstrip("*")
        last = operands if operands.startswith("*") else operands.rpartition(",")[2]
        target = re.sub(r"@.*|\(PLT\)", "", last).strip()
        if _REGISTER.match(target):
            returns = target in ("lr", "ra", "x30") and word in ("bx", "jr", "ret")
            if not returns and (tail or not self._is_switch(word, k)):
                self.function.pointer = True
        elif _NAME.fullmatch(target) and not _LOCAL.match(target):
            returns_here = word.startswith(("bl", "call", "jal"))
            if target != self.function.name or returns_here:  # else a loop's jump
                self.function.calls.add(target)

    def _is_switch(self, word: str, k: int) -> bool:
        """Whether a jump takes its target from a table of places in the function itself."""
        if word in ("call", "callq", "blx", "blr", "jalr"):
            return False
        if any("LJTI" in operands for _, _, operands in self.body):
            return True
        for label, after, operands in self.body[k + 1 :]:
            if after in _DATA:
                return any(map(_LOCAL.match, _NAME.findall(operands)))
            if after and after[0] != ".":
                break
            if label and not _LOCAL.match(label):
                break
        return False


_LIST = r"\{([^}]*)\}"
_POPS = re.compile(r"(?:pop|ldmfd|ldmia|ldm|ldr)(?:\.w)?$")
_MOVES: tuple[tuple[str, str, int], ...] = (
    (r"(?:push|stmdb|stmfd)(?:\.w)?", rf"(?:sp!, )?{_LIST}", 4),
    (r"vpush(?:\.\d+)?|vstmdb(?:\.\d+)?", rf"(?:sp!, )?{_LIST}", 4),
    (r"(?:pop|ldmfd|ldmia|ldm)(?:\.w)?", rf"(?:sp!, )?{_LIST}", -4),
    (r"vpop(?:\.\d+)?|vldmia(?:\.\d+)?|vldm(?:\.\d+)?", rf"(?:sp!, )?{_LIST}", -4),
    (r"st[rp]\w*(?:\.w)?", r".*\[sp, #?-(\d+)\]!", 1),
    (r"ld[rp]\w*(?:\.w)?", r".*\[sp\], #?(\d+)", -1),
    (r"sub[sw]?(?:\.w)?", r"sp, (?:sp, )?#?(\d+)", 1),
    (r"add[sw]?(?:\.w)?", r"sp, (?:sp, )?#?(\d+)", -1),
    (r"sub", r"sp, sp, #?(\d+), lsl #?12", 4096),
    (r"add", r"sp, sp, #?(\d+), lsl #?12", -4096),
    (r"(?:c\.)?addi(?:16sp)?", r"sp,\s*(?:sp,\s*)?(-?\d+)", -1),
    (r"sub[ql]?", r"\$(-?\d+), ?%[re]sp", 1),
    (r"add[ql]?", r"\$(-?\d+), ?%[re]sp", -1),
    (r"lea[ql]?", r"(-?\d+)\(%[re]sp\), ?%[re]sp", -1),
    (r"and[ql]?", r"\$-(\d+), ?%[re]sp", 1),
    (r"bic|and", r"sp, \w+, #-?(\d+)", 1),
)  # fmt: skip
_COMPILED = tuple((re.compile(w), re.compile(o), by) for w, o, by in _MOVES)
_BY_REGISTER = re.compile(
    r"(?:sub|add)s?(?:\.w)?\s+sp,\s*(?:sp,\s*)?[a-z]|sub[ql]?\s+%\w+, ?%[re]sp|enter"
)


def moves(word: str, operands: str) -> int | None:
    """By how many bytes an instruction makes the stack deeper; None where a register says so."""
    if word in ("pushq", "push", "popq", "pop") and "{" not in operands:
        return 8 if word.startswith("push") else -8
    for words, of, by in _COMPILED:
        if words.fullmatch(word) and (found := of.fullmatch(operands)):
            return by * (_registers(found[1]) if abs(by) == 4 else int(found[1]))
    return None if _BY_REGISTER.match(f"{word} {operands}") else 0


def _registers(text: str) -> int:
    """How many words r4-r11, lr or d8-d15 are."""
    count = 0
    for one in text.split(","):
        first, _, last = one.strip().partition("-")
        wide = {"d": 2, "q": 4}.get(first[:1], 1)
        count += wide * (int(last[1:]) - int(first[1:]) + 1 if last[1:].isdigit() else 1)
    return count
