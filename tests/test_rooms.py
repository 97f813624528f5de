"""Rooms: packages of src/lowtide. Imports go down only, and heavy dependencies stay where needed.

cli          knows what people type
 |
pipeline     composes what each public function does
 |
planner      from a Graph to a Plan
 |
ir           the values that everything is said in
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "lowtide"

FLOORS = """
    __main__
    cli
    weights/train __init__ explorer
    timing pipeline
    check check/exact weights report backends backends/c99 backends/tflite
    backends/fifo
    planner
    overlap schedules kernels
    rows rewrites tiling
    frontends/pytorch
    minimalloc frontends/onnx frontends/onnx/eight frontends/onnx/simplify
    frontends/tflite layout regions
    backends/onnx placers data ops/eight ops sizes files packages room
    errors runtime
    ir clock version quoting frontends
"""
"""Rooms from the top down; those of one line may import each other as they are written."""

HEAVY = {
    "onnx": "frontends/onnx frontends/onnx/simplify backends/onnx check check/exact weights"
    " frontends/pytorch weights/train pipeline tiling data timing explorer report",
    "onnx_ir": "frontends/onnx frontends/onnx/simplify weights",
    "onnxruntime": "runtime",
    "flatbuffers": "frontends/tflite backends/tflite",
    "tflite": "frontends/tflite backends/tflite",
    "tflite_micro": "check",
    "ai_edge_litert": "check timing",
    "ortools": "placers",
    "onnxscript": "frontends/pytorch",
    "torch": "weights/train frontends/pytorch",
    "distributed": "explorer",
    "typer": "cli",
    "rich": "cli",
    "PIL": "data",
}
"""Which rooms may import what takes long to import, or is an extra."""


def room_of(file: Path) -> str:
    folder = file.relative_to(SOURCE).parent.as_posix()
    return file.stem if folder == "." else folder


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it, also for types alone."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def home(module: str) -> str | None:
    """The room of a module of lowtide."""
    path = SOURCE.joinpath(*module.split(".")[1:])
    if module.split(".")[0] != "lowtide":
        return None
    file = path.with_suffix(".py") if path != SOURCE else path / "__init__.py"
    return (
        room_of(file)
        if file.is_file()
        else room_of(path / "__init__.py")
        if path.is_dir()
        else None
    )


FILES = sorted(SOURCE.rglob("*.py"))


def test_imports_go_down_only() -> None:
    order = {room: k for k, room in enumerate(FLOORS.split())}
    assert {room_of(file) for file in FILES} == order.keys()
    upward = {
        f"{file.relative_to(SOURCE)} imports {module}"
        for file in FILES
        for module in imported(file)
        if (to := home(module)) is not None and order[to] < order[room_of(file)]
    }
    assert not upward, "\n".join(sorted(upward))


@pytest.mark.parametrize("library", HEAVY)
def test_heavy_libraries_stay_in_their_rooms(library: str) -> None:
    users = {room_of(f) for f in FILES if library in {m.split(".")[0] for m in imported(f)}}
    assert users <= set(HEAVY[library].split())
    assert users, f"nobody imports {library}"


def test_the_top_stays_small_and_every_room_says_what_it_is_for() -> None:
    assert len([p for p in SOURCE.iterdir() if p.is_file()]) <= 10
    for folder in {file.parent for file in FILES}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder


def test_files_are_small() -> None:
    """Some 150 lines; past 300 there are two rooms in one."""
    assert not [f for f in FILES if len(f.read_text().splitlines()) > 350]
