"""Pieces of C: indented lines, numbers, names, scalar expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf, isinf, isnan
from textwrap import wrap

import numpy as np

from lowtide.ir.dtype import F32, DType
from lowtide.ir.index import Index
from lowtide.ir.value import Acc, Call, Chosen, FromIndex, FromTable, Load, Number, Value
from lowtide.ir.whole import functions

LICENCE = """\
   This generated code carries no licence of lowtide's and is yours; the weights in it stay under
   the licence of the network."""
"""Whose an emitted program is."""


class Lines:
    """Lines of C, indented by block."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def add(self, text: str = "") -> None:
        """One line, or several if `text` has line ends."""
        for line in text.split("\n"):
            self.lines.append("    " * self.depth + line if line else "")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """`head {`, what is added inside, `}`."""
        self.open(head)
        yield
        self.close()

    def open(self, head: str) -> None:
        """Opens a block: `head {`."""
        self.add(head + " {")
        self.depth += 1

    def close(self) -> None:
        """Closes a block."""
        self.depth -= 1
        self.add("}")

    def down(self, name: str, stop: int) -> None:
        """Opens a for loop from stop - 1 down to 0."""
        self.open(f"for (int {name} = {stop - 1}; {name} >= 0; {name}--)")

    def loop(self, name: str, stop: int | str, start: int | str = 0, step: int = 1) -> None:
        """Opens a for loop; the caller closes it."""
        advance = f"{name}++" if step == 1 else f"{name} += {step}"
        self.open(f"for (int {name} = {start}; {name} < {stop}; {advance})")

    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines) + "\n"


def comment(text: str) -> str:
    """A comment of lines that are not too long."""
    return "\n".join(wrap(text, 94, initial_indent="/* ", subsequent_indent="   ")) + " */"


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_REAL = re.compile(r"(\w+ )?\b(?!sizeof)([a-z]\w*f)\(")


def calls_libm(text: str) -> bool:
    """Whether a program calls functions of math.h: those in f that are not its own."""
    found = _REAL.findall(_COMMENT.sub("", text))
    defined = {name for before, name in found if before not in ("", "return ", "else ")}
    return any(name not in defined for _, name in found)


def literal(value: float) -> str:
    """A float constant in C that reads back to the same bits; all NaNs become one."""
    if isnan(value):
        return "NAN"
    if isinf(value):
        return "INFINITY" if value == inf else "(-INFINITY)"
    text = _shortest(np.float32(value))
    return f"({text}f)" if text.startswith("-") else f"{text}f"


def _shortest(value: np.float32) -> str:
    text = str(value)
    return text if "." in text or "e" in text else text + ".0"


def whole_literal(value: float) -> str:
    """An int32 constant in C; of infinities the largest there is."""
    number = int(min(max(value, -(2**31)), 2**31 - 1))
    if number == -(2**31):
        return "INT32_MIN"
    return f"({number})" if number < 0 else str(number)


def number_text(value: float, arithmetic: DType) -> str:
    """A constant of a nest in C."""
    return literal(value) if arithmetic == F32 else whole_literal(value)


def expression(
    value: Value,
    load: Callable[[int], str],
    acc: Callable[[int], str],
    arithmetic: DType = F32,
) -> str:
    """A scalar expression; `load` and `acc` give the text of reads and accumulators."""
    if isinstance(value, Number):
        return number_text(value.value, arithmetic)
    if isinstance(value, Load):
        return load(value.read)
    if isinstance(value, Acc):
        return acc(value.reduction)
    if isinstance(value, FromIndex):
        return f"({arithmetic.c})({value.index.c()})"
    if isinstance(value, FromTable):
        return f"{table_name(value, arithmetic)}[{value.index.c()}]"
    if isinstance(value, Chosen):
        return _chosen(value, expression(value.at, load, acc, arithmetic), arithmetic)
    parts = [expression(a, load, acc, arithmetic) for a in value.arguments]
    return _called(value, parts, arithmetic)


def _chosen(value: Chosen, at: str, arithmetic: DType) -> str:
    where = f"(int){at}" if arithmetic == F32 else bare(at)
    return f"{value.name}[{where}{less(value.first)}]"


def within(name: str, index: Index, extent: int) -> str:
    """The test that `name`, which is `index`, is one of 0 .. extent - 1; "" if it always is."""
    low, high = index.bounds
    tests = [f"{name} >= 0"] if low < 0 else []
    tests += [f"{name} < {extent}"] if high >= extent else []
    return " && ".join(tests)


def if_there(test: str, pointer: str) -> str:
    """A pointer where a test holds, NULL elsewhere."""
    return f"{test} ? {pointer} : NULL" if test else pointer


def less(number: int) -> str:
    """What takes a whole number off: " - 3", of -3 " + 3", of 0 nothing."""
    return "" if number == 0 else f" - {number}" if number > 0 else f" + {-number}"


def table_name(value: FromTable, arithmetic: DType) -> str:
    """The name in C of a table of numbers, of floats or of whole ones."""
    return value.name if arithmetic == F32 else f"whole_{value.name}"


def function_name(name: str, arithmetic: DType) -> str:
    """The C function of a scalar function in a nest of this arithmetic."""
    return f"{'f' if arithmetic == F32 else 'i'}_{name}"


def _called(value: Call, arguments: list[str], arithmetic: DType) -> str:
    function = functions(arithmetic)[value.function]
    if not function.infix:
        return f"{function_name(value.function, arithmetic)}({', '.join(arguments)})"
    by: Mapping[str, str] = dict(zip("ab", arguments, strict=True))
    return "(" + re.sub(r"\b[ab]\b", lambda found: by[found.group()], function.c) + ")"


def bare(text: str) -> str:
    """The expression without brackets around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and i < len(text) - 1:
            return text
    return text[1:-1]


def function_source(name: str, arithmetic: DType) -> str:
    """The static function behind a scalar function that is not infix."""
    function = functions(arithmetic)[name]
    kinds = [function.others.get(k, arithmetic).c for k in range(function.arity)]
    parameters = ", ".join(f"{kind} {p}" for kind, p in zip(kinds, "abcde", strict=False))
    head = f"static inline {arithmetic.c} {function_name(name, arithmetic)}({parameters})"
    if not function.body:
        return f"{head} {{ return {function.c}; }}"
    return "\n    ".join((f"{head}\n{{", *function.body, f"return {function.c};")) + "\n}"
