"""explore() of Python: what `lowtide explore` does, by the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

from lowtide.clock import Progress, quiet
from lowtide.explorer.chips import chips_of, for_all
from lowtide.explorer.explore import explore as explore_one
from lowtide.explorer.explore import explore_all
from lowtide.explorer.explored import Explorations, Explored
from lowtide.explorer.recipes import recipes
from lowtide.ir.graph import Shape
from lowtide.pipeline.pictures import File
from lowtide.pipeline.read import Model
from lowtide.pipeline.signature import signed
from lowtide.planner.options import Options
from lowtide.room import MAX_ELEMENTS


@overload
def explore(
    model: Model,
    *,
    output: File | None = None,
    image: Literal["resident", "streamed"] = "resident",
    element_bytes: int | None = None,
    max_overhead: float = 0.5,
    align: int = 16,
    cpu: str | None = None,
    cc: str | None = None,
    chip: str | Sequence[str] | None = None,
    code: bool = False,
    cluster: str | None = None,
    shape: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> Explored: ...
@overload
def explore(
    model: list[Any] | tuple[Model, ...],
    *,
    output: File | None = None,
    image: Literal["resident", "streamed"] = "resident",
    element_bytes: int | None = None,
    max_overhead: float = 0.5,
    align: int = 16,
    cpu: str | None = None,
    cc: str | None = None,
    chip: str | Sequence[str] | None = None,
    code: bool = False,
    cluster: str | None = None,
    shape: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> Explorations: ...
def explore(
    model: Model | list[Any] | tuple[Model, ...],
    *,
    output: File | None = None,
    image: Literal["resident", "streamed"] = "resident",
    element_bytes: int | None = None,
    max_overhead: float = 0.5,
    align: int = 16,
    cpu: str | None = None,
    cc: str | None = None,
    chip: str | Sequence[str] | None = None,
    code: bool = False,
    cluster: str | None = None,
    shape: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> Explored | Explorations:
    """Plans a network in many ways: the front of memory, work, weights read and code.

    model          a network, or several, [a, b]: each has a front of its own
    output         folder for front.html, front.svg and points.jsonl; goes on with the last; of
                   several networks it has one for each, and a page of all
    image          "streamed": also try plans that take the inputs row by row
    element_bytes  plan as if elements had this size (1: int8)
    max_overhead   extra multiply-adds to try at most, a share: 0.05 is 5 %
    align, cpu, cc, shape, max_elements, progress
                   as for `lowtide.fit`
    chip           chips, by name: each point says of each whether it fits, `chips`
    code           compile each program: its code, stack and state
    cluster        the scheduler of a Dask cluster, "tcp://HOST:8786", whose workers make the plans

    Returns an Explored, of several networks Explorations. Raises ModelError, CheckError for a
    plan that does not hold, UsageError.
    """
    given = Options(align=align, element_bytes=element_bytes, image=image, cpu=cpu, cc=cc)
    chips = chips_of(chip)
    tried = recipes(for_all(given, chips), max_overhead)
    asked: dict[str, Any] = {
        "folder": None if output is None else Path(output), "code": code, "chips": chips,
        "shapes": shape, "max_elements": max_elements, "cluster": cluster,
        "progress": progress or quiet,
    }  # fmt: skip
    if isinstance(model, list | tuple):
        return explore_all(model, tried, **asked)
    return explore_one(model, tried, **asked)


signed(explore)
