"""docs/promises.md names a test for every promise, and those tests exist.

| promise        | tests                          |
| Exit codes: .. | `tests/test_x.py::test_name`   |       test_x.py is parsed, nothing is run
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = next(p for p in Path(__file__).parents if (p / "pyproject.toml").exists())
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "promises.md").read_text().splitlines()
    if line.startswith("|") and not line.startswith(("|---", "| promise"))
]


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_the_page_is_read() -> None:
    assert len(ROWS) > 40
    assert len({promise for promise, _ in ROWS}) == len(ROWS), "a promise stands there twice"


@pytest.mark.parametrize(("promise", "tests"), ROWS, ids=[row[0][:40] for row in ROWS])
def test_a_promise_is_held(promise: str, tests: str) -> None:
    names = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
    assert names, f"no test holds: {promise}"
    assert len(names) == tests.count("`") // 2, f"not the name of a test: {tests}"
    missing = [f"{file}::{name}" for file, name in names if name not in names_in(file)]
    assert not missing, f"{promise}: {missing}"
