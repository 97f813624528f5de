"""The folder of several networks: one for each of them, and front.html with the fronts of all.

front/  front.html  a.onnx/points.jsonl  a.onnx/front.html ..  b.tflite/points.jsonl ..
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lowtide.errors import UsageError
from lowtide.explorer.front_page import fronts_page
from lowtide.explorer.journal import NAME
from lowtide.explorer.kept import Kept
from lowtide.files import check_folder, put
from lowtide.pipeline.read import Model, named

_PAGE = "front.html"


def folders_of(models: Sequence[Model], folder: Path | None) -> list[Path | None]:
    """Each network's own, called after its file; UsageError where two would share one."""
    if folder is None:
        return [None] * len(models)
    names = [Path(named(model)).name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"{names.count(name)} networks are called {name}, and {folder / name} is to hold "
                "one; rename a file, or explore it by itself"
            )
    return [folder / name for name in names]


def check_fronts(folder: Path | None, given: Sequence[Path]) -> None:
    """Raises UsageError unless the folder is absent, empty, or one of several networks."""
    if folder is None:
        return
    if (folder / NAME).exists():
        raise UsageError(f"{folder} holds the points of one network; choose another with -o")
    check_folder(folder, [_PAGE], given, "explore")


def draw_fronts(folder: Path | None, networks: Sequence[Kept], given: Sequence[Path]) -> None:
    """The page of all of them, as far as they are."""
    if folder is not None:
        done = sum(len(one.done) for one in networks)
        tried = sum(len(one.tried) for one in networks)
        page = fronts_page(f"{done} of {tried} recipes", [one.explored for one in networks])
        put(folder, {_PAGE: page.encode()}, given, "explore")
