"""The tour (docs/design.md) and its picture are true to the code.

cli              a room imports only rooms of its own line
 |               and of lines below
planner
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = next(p for p in Path(__file__).parents if (p / "pyproject.toml").exists())
SOURCE = ROOT / "src" / "lowtide"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
ROOM = re.compile(r'<text class="room" x="\d+" y="(\d+)">([\w/]+)</text>')
LINE = 62
"""Pixels from one line of the picture to the next."""


def drawn() -> dict[str, int]:
    """The line of each room in the picture, from the top."""
    found = ROOM.findall((ROOT / "docs" / "rooms.svg").read_text())
    rooms = {room: int(y) // LINE for y, room in found}
    assert len(rooms) == len(found), "a room is drawn twice"
    return rooms


def room_of(module: str, rooms: dict[str, int]) -> str:
    """lowtide.check.exact.quanta -> check: the longest name that is drawn."""
    parts = module.split(".")[1:]
    names = ("/".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((name for name in names if name in rooms), "__init__")


def imported(file: Path) -> Iterator[str]:
    """The modules of lowtide that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lowtide."):
            yield str(node.module)


def test_every_room_is_drawn_and_imports_go_down() -> None:
    rooms, upward, seen = drawn(), set(), set()
    for file in set(SOURCE.rglob("*.py")) - {SOURCE / "__main__.py"}:
        module = ".".join(("lowtide", *file.relative_to(SOURCE).with_suffix("").parts))
        room = room_of(module, rooms)
        seen.add(room)
        if room == "__init__":
            assert module == "lowtide.__init__", f"{module} is in no room that is drawn"
        upward |= {
            f"{module} imports {other}"
            for other in imported(file)
            if rooms[room_of(other, rooms)] < rooms[room]
        }
    assert not upward, "\n".join(sorted(upward))
    assert seen == rooms.keys(), "a room is drawn that is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    """Paths from the root, or from src/lowtide, and names of files anywhere; links to pages."""
    text = page.read_text()
    names = {
        file.name for folder in ("src", "tests", "bench") for file in (ROOT / folder).rglob("*.py")
    }
    missing = []
    for name in re.findall(r"`([\w/.]+\.(?:py|c|h|in))`", text):
        there = any(
            (base / name).exists() for base in (ROOT, SOURCE, SOURCE / "kernels", SOURCE / "check")
        )
        # In a folder that fit writes, or saved by the reader.
        made = name.startswith(("checks/", "out/")) or f"ave this as `{name}`" in text
        if not (there or made) and ("/" in name or (name.endswith(".py") and name not in names)):
            missing.append(name)
    links = re.findall(r"\]\(([\w./-]+\.(?:md|svg|csv))", text)
    missing += [link for link in links if not (page.parent / link).exists()]
    assert not missing


def test_the_glossary_names_what_there_is() -> None:
    """`rows.task.Grain` and `Plan.lives` of its last column are in the code."""
    text = (ROOT / "docs" / "glossary.md").read_text()
    code = {
        f.relative_to(SOURCE).with_suffix("").as_posix(): f.read_text()
        for f in SOURCE.rglob("*.py")
    }
    for name in re.findall(r"`((?:\w+\.)+\w+)`", text):
        *path, owner, last = name.split(".")
        if owner[0].isupper():
            classes = [
                t.split(f"class {owner}", 1)[1] for t in code.values() if f"class {owner}" in t
            ]
            assert any(re.search(rf"\b{last}\b", body.split("\nclass ")[0]) for body in classes), (
                name
            )
        else:
            assert re.search(rf"^(class |def )?{last}\b", code["/".join([*path, owner])], re.M), (
                name
            )


@pytest.mark.parametrize("page", ["fit", "front"])
def test_a_page_has_its_words_from_the_glossary(page: str) -> None:
    """Word for word; what the glossary goes on to say may be left out."""
    glossary = re.sub("[`*]", "", (ROOT / "docs" / "glossary.md").read_text())
    lines = re.findall(r"^\| (.+?) \| (.+?) \|", glossary, re.M)
    known = {word: text for words, text in lines for word in words.split(", ")}
    html = (SOURCE / "report" / "html" / f"{page}.html").read_text()
    said = re.findall("<dt>(.+?)</dt><dd>(.+?)</dd>", html)
    assert len(said) > 5
    for word, text in said:
        assert known[word].startswith(text), word
