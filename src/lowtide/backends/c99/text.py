"""Pieces of C: indented lines, numbers, names, scalar expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf, isinf, isnan

import numpy as np

from lowtide.ir.functions import FUNCTIONS
from lowtide.ir.nest import Acc, Call, Chosen, FromIndex, FromTable, Load, Number, Value


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


def expression(value: Value, load: Callable[[int], str], acc: Callable[[int], str]) -> str:
    """A scalar expression; `load` and `acc` give the text of reads and accumulators."""
    if isinstance(value, Number):
        return literal(value.value)
    if isinstance(value, Load):
        return load(value.read)
    if isinstance(value, Acc):
        return acc(value.reduction)
    if isinstance(value, FromIndex):
        return f"(float)({value.index.c()})"
    if isinstance(value, FromTable):
        return f"{value.name}[{value.index.c()}]"
    if isinstance(value, Chosen):
        first = f" - {value.first}" if value.first >= 0 else f" + {-value.first}"
        return (
            f"{value.name}[{bare(expression(value.at, load, acc))}{first if value.first else ''}]"
        )
    return _called(value, [expression(a, load, acc) for a in value.arguments])


def _called(value: Call, arguments: list[str]) -> str:
    function = FUNCTIONS[value.function]
    if not function.infix:
        return f"f_{value.function}({', '.join(arguments)})"
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


def function_source(name: str) -> str:
    """The static function behind a scalar function that is not infix."""
    function = FUNCTIONS[name]
    parameters = ", ".join(f"float {p}" for p in "abc"[: function.arity])
    return f"static inline float f_{name}({parameters}) {{ return {function.c}; }}"
