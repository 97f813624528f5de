"""Index expressions: what they simplify to, and that they never change their value."""

from __future__ import annotations

import ctypes
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lowtide.ir.index import Index, lookup, number, ravel, unravel, var

Y, X, C = var("y", 4), var("x", 32), var("c", 16)


def test_simplifies_to_what_a_person_would_write() -> None:
    """
    (y*512 + x*16 + c) // 512  ->  y            x*16 + c < 512 is known
    (y*512 + x*16 + c) %  512  ->  x*16 + c
    (y*6 + 3) // 2             ->  y*3 + 1
    """
    flat = Y * 512 + X * 16 + C
    assert flat // 512 == Y
    assert flat % 512 == X * 16 + C
    assert (Y * 6 + 3) // 2 == Y * 3 + 1
    assert unravel(ravel((Y, X, C), (4, 32, 16)), (4, 32, 16)) == (Y, X, C)
    assert var("i", 1) == number(0)


def test_tables_that_are_lines_are_written_as_lines() -> None:
    """0 0 1 1 2 2 is i // 2, 0 1 2 is i, 7 7 is 7; anything else stays a table."""
    i = var("i", 6)
    assert lookup([0, 0, 1, 1, 2, 2], i) == i // 2
    assert lookup([3, 4, 5, 6, 7, 8], i) == i + 3
    assert lookup([7] * 6, i) == number(7)
    assert list(lookup([0, 0, 0, 1, 1, 2], i).lookups())


@st.composite
def expressions(draw: st.DrawFn) -> Index:
    """Up to five operations on three variables."""
    held = draw(st.sampled_from([var("a", 3), var("b", 5), var("d", 4)]))
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["add", "sub", "scale", "shift", "div", "mod", "table"]))
        other = draw(st.sampled_from([var("a", 3), var("b", 5), var("d", 4)]))
        n = draw(st.integers(1, 6))
        if kind == "table":
            low, high = held.bounds
            size = high - low + 1
            values = draw(st.lists(st.integers(-9, 9), min_size=size, max_size=size))
            held = lookup(values, held - low)
        else:
            held = {
                "add": held + other, "sub": held - other * n, "scale": held * n,
                "shift": held - n, "div": held // n, "mod": held % n,
            }[kind]  # fmt: skip
    return held


POINTS = [{"a": a, "b": b, "d": d} for a, b, d in product(range(3), range(5), range(4))]


@settings(derandomize=True, max_examples=300, deadline=None)
@given(expressions())
def test_bounds_hold_everywhere(expression: Index) -> None:
    low, high = expression.bounds
    for point in POINTS:
        value = int(expression.evaluate({k: np.asarray(v) for k, v in point.items()}))
        assert low <= value <= high


def test_c_text_has_the_same_value(tmp_path: Path) -> None:
    """Fifty expressions in C against numpy at every point; C's / truncates, ours floors."""
    found: list[Index] = []

    @settings(derandomize=True, max_examples=50, deadline=None, database=None)
    @given(expressions())
    def collect(expression: Index) -> None:
        found.append(expression)

    collect()
    tables = {t.name: t.table for e in found for t in e.lookups()}
    lines = [
        f"static const int {name}[] = {{ {', '.join(map(str, values))} }};"
        for name, values in tables.items()
    ]
    for k, expression in enumerate(found):
        used = "(void)a; (void)b; (void)d;"
        lines.append(f"int f{k}(int a, int b, int d) {{ {used} return {expression.c()}; }}")
    source, library = tmp_path / "e.c", tmp_path / "e.so"
    source.write_text("\n".join(lines))
    subprocess.run(["cc", "-std=c99", "-shared", "-fPIC", "-o", library, source], check=True)
    compiled = ctypes.CDLL(str(library))
    for k, expression in enumerate(found):
        for point in POINTS:
            expected = int(expression.evaluate({n: np.asarray(v) for n, v in point.items()}))
            assert getattr(compiled, f"f{k}")(*point.values()) == expected, expression.c()
