"""C text without what stands in it for compilers that it is not for.

    #if defined __ARM_FEATURE_DSP && defined __GNUC__        of macros that are never defined
    .. assembler ..
    #else                                                    .. plain C ..
    .. plain C ..
    #endif

A condition that other macros decide stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product

_DIRECTIVE = re.compile(r"\s*#\s*(ifdef|ifndef|if|elif|else|endif)\b(.*)")
_COMMENT = re.compile(r"/\*.*?\*/|//.*")
_ATOM = re.compile(
    r"defined\s*\(\s*(\w+)\s*\)|defined\s+(\w+)|\(?\b([A-Za-z_]\w*)\s*(?:[<>=!]=|[<>&])\s*\w+\)?"
    r"|\b([A-Za-z_]\w*)\b"
)
_MOST_UNKNOWN = 6


@dataclass
class _Open:
    """A conditional that is open: whether it stands `around` lines that are kept, whether a branch
    of it was taken for certain, whether any of its directives is written, and what is kept now."""

    around: bool
    taken: bool = False
    written: bool = False
    keeps: bool = True


@dataclass
class _Without:
    never: re.Pattern[str]
    stack: list[_Open] = field(default_factory=list)

    def line(self, line: str) -> str | None:
        """A line as it stays; None: it goes."""
        found = _DIRECTIVE.fullmatch(line)
        if not found:
            return line if not self.stack or self.stack[-1].keeps else None
        word, rest = found[1], found[2]
        if word.startswith("if"):
            self.stack.append(_Open(not self.stack or self.stack[-1].keeps))
        one = self.stack[-1]
        if word == "endif":
            self.stack.pop()
            return line if one.written and one.around else None
        if not one.around or one.taken:
            one.keeps = False
            return None
        return self._branch(one, word, rest, line)

    def _branch(self, one: _Open, word: str, rest: str, line: str) -> str | None:
        known = True if word == "else" else self._known(word, rest)
        one.keeps, one.taken = known is not False, known is True
        if known is False or (known and not one.written):
            return None
        if known:
            return "#else"
        first, one.written = not one.written, True
        condition = f"#{'if' if word.startswith('el') else word}{rest}"
        return condition if first else line

    def _known(self, word: str, rest: str) -> bool | None:
        """Whether a condition holds; None: macros decide that are perhaps defined."""
        text = _COMMENT.sub(" ", rest).strip()
        if word != "if" and word != "elif":
            name = text.split()[0]
            return None if not self.never.fullmatch(name) else word == "ifndef"
        names = list[str]()

        def atom(found: re.Match[str]) -> str:
            name = next(part for part in found.groups() if part)
            if self.never.fullmatch(name):
                return " False "
            if found[0] not in names:
                names.append(found[0])
            return f" held[{names.index(found[0])}] "

        logic = _ATOM.sub(atom, text)
        logic = logic.replace("&&", " and ").replace("||", " or ").replace("!", " not ")
        if len(names) > _MOST_UNKNOWN or re.search(r"[^\w\s()\[\]]", logic):
            return None
        ways = product((False, True), repeat=len(names))
        values = {bool(eval(logic, {"held": held})) for held in ways}  # our own C alone
        return values.pop() if len(values) == 1 else None


def without(text: str, never: str) -> str:
    """C text without what is only for compilers that define macros of the pattern `never`."""
    held = _Without(re.compile(never))
    kept = (held.line(line) for line in text.split("\n"))
    return "\n".join(line for line in kept if line is not None)
