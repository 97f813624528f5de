"""The pages that people read: tables that scripts write have their place, links lead somewhere.

put(PAGE, "int8", ...)  in bench/      <!-- int8 --> .. <!-- /int8 -->  in that page, once
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SCRIPTS = sorted(
    file
    for file in (ROOT / "bench").rglob("*.py")
    if re.search(r"^from bench.tables import .*\bput\b", file.read_text(), re.MULTILINE)
)


def written(file: Path) -> Iterator[tuple[Path, str]]:
    """The page and the marks of each `put` of a script; all marks of a page if computed."""
    module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    known = {**vars(module), "root": ROOT, "docs": ROOT / "docs"}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "put":
            page = eval(ast.unparse(node.args[0]), known)
            mark = node.args[1]
            if isinstance(mark, ast.Constant):
                yield page, str(mark.value)
            else:
                yield from ((page, name) for name in marks(page))


def marks(page: Path) -> list[str]:
    return re.findall(r"^<!-- (\w+) -->$", page.read_text(), re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: file.stem)
def test_what_a_script_writes_has_its_place(script: Path) -> None:
    found = list(written(script))
    assert found
    for page, mark in found:
        text = page.read_text()
        counts = text.count(f"<!-- {mark} -->\n"), text.count(f"<!-- /{mark} -->")
        assert counts == (1, 1), f"{page.name}: {mark}"


def test_every_mark_has_its_script() -> None:
    known = {one for script in SCRIPTS for one in written(script)}
    left = [(p.name, mark) for p in PAGES for mark in marks(p) if (p, mark) not in known]
    assert not left


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {
        (index.parent / name).resolve()
        for name in re.findall(r"\]\(([\w./-]+\.md)", index.read_text())
    }
    docs = {*(ROOT / "docs").glob("*.md")} | {*(ROOT / "docs/howto").glob("*.md")}
    assert not {page.name for page in docs - linked - {index}}
