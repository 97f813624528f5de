"""Markdown tables, and files in which a script keeps a table up to date."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; columns that hold numbers are right-aligned."""
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in head]
    marks = ["--:" if all(_is_number(v) for v in column) else "---" for column in columns]
    lines = [head, marks, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _is_number(text: str) -> bool:
    return text.translate(dict.fromkeys(map(ord, ",.-+e"))).isdigit()


def held(file: Path, name: str) -> list[list[str]]:
    """The rows that stand in such a table."""
    table = file.read_text().split(f"<!-- {name} -->\n")[1].split(f"<!-- /{name} -->")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def put(file: Path, name: str, text: str) -> None:
    """Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->` in a file."""
    before, rest = file.read_text().split(f"<!-- {name} -->\n")
    after = rest.split(f"<!-- /{name} -->")[1]
    file.write_text(f"{before}<!-- {name} -->\n{text}<!-- /{name} -->{after}")
