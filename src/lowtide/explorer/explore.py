"""explore(): many recipes for networks, each planned and checked; stopped and resumed at will.

    recipes -> make_plan -> Point -> points.jsonl, front.svg, front.html

A point is in the folder as soon as it is known; the next run goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from lowtide.check.judge import judge_placement
from lowtide.check.meter import find_meter
from lowtide.clock import Clock, Part, Progress, quiet
from lowtide.errors import UsageError
from lowtide.explorer.chips import Asked, compilers, on_each
from lowtide.explorer.cluster import on_cluster
from lowtide.explorer.explored import Explorations, Explored
from lowtide.explorer.front import Point
from lowtide.explorer.fronts import check_fronts, draw_fronts, folders_of
from lowtide.explorer.kept import Kept, Network, check_folder_of, files_of
from lowtide.explorer.recipes import recipe_name
from lowtide.explorer.scheduler import check_address
from lowtide.ir.graph import Shape
from lowtide.pipeline.ram import sized
from lowtide.pipeline.read import Model
from lowtide.planner.make_plan import make_plan
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.report.small_map import small_map
from lowtide.room import MAX_ELEMENTS


def explore(
    model: Model,
    tried: Sequence[Options],
    *,
    folder: Path | None = None,
    code: bool = False,
    chips: Asked = (),
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    cluster: str | None = None,
    progress: Progress = quiet,
) -> Explored:
    """Plans a network by each recipe; with `folder`, what is found there is not planned again.

    Each point is written to `folder` as soon as it is known, and the picture and the page are drawn
    anew every few seconds, and at the end, also where it is stopped. `code` measures the emitted
    program as well, and a point says of each of `chips` whether it fits; `shapes` and
    `max_elements` are as for `fit`. `cluster` is the address of a Dask scheduler whose workers
    plan; without it that is done here. Raises ModelError, CheckError for a plan that does not hold,
    and UsageError for a folder that is not an exploration's of this network.
    """
    given = files_of([model])
    address = None if cluster is None else check_address(cluster)
    _check(tried, code, chips)
    check_folder_of(folder, given)
    kept = Kept.of(model, tried, folder, given, shapes or {}, max_elements, progress)
    kept.resume(code, chips)
    _run([kept], partial(_measure, code=code, chips=chips), address, progress)
    return kept.explored


def explore_all(
    models: Sequence[Model],
    tried: Sequence[Options],
    *,
    folder: Path | None = None,
    code: bool = False,
    chips: Asked = (),
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    cluster: str | None = None,
    progress: Progress = quiet,
) -> Explorations:
    """Explores several networks; the workers of a cluster share the recipes of all of them.

        front/  front.html  a.onnx/points.jsonl ..  b.tflite/points.jsonl ..

    Each network has a folder as `explore` makes it, called after its file; a page has them all.
    """
    given, folders = files_of(models), folders_of(models, folder)
    address = None if cluster is None else check_address(cluster)
    _check(tried, code, chips)
    check_fronts(folder, given)
    for own in folders:
        check_folder_of(own, given)
    networks = [
        Kept.of(model, tried, own, given, shapes or {}, max_elements, progress)
        for model, own in zip(models, folders, strict=True)
    ]
    for one in networks:
        one.resume(code, chips)
    draw = partial(draw_fronts, folder, networks, given)
    draw()  # also what tells the next run that the folder is ours
    try:
        _run(networks, partial(_measure, code=code, chips=chips), address, progress)
    finally:
        draw()
    return Explorations(one.explored for one in networks)


def _check(tried: Sequence[Options], code: bool, chips: Asked) -> None:
    """Raises UsageError for what cannot be done, before any work is."""
    for recipe in tried:
        if recipe.element_bytes is not None and code:
            raise UsageError("--code measures the C, which is float32: leave out --element-bytes")
        if recipe.cc is not None and not (code or chips):
            raise UsageError("--cc measures the C and needs --code or --chip")
        absent = find_meter(recipe).absent if code else ""
        if absent:
            raise UsageError(f"--code needs a C compiler: {absent}")


Work = partial[Point]
"""Makes a point of a network and a recipe: `_measure`, of code and chips."""


def _run(networks: Sequence[Kept], work: Work, cluster: str | None, progress: Progress) -> None:
    """Plans what is not done; where that is stopped, the error says what is kept."""
    before = sum(len(one.done) for one in networks)
    if before:
        progress(f"{before} of {sum(len(one.tried) for one in networks)} found before")
    try:
        for one, point in _made(work, networks, cluster, progress):
            one.add(point)
    except BaseException as error:
        for one in networks:
            one.stop()
        _note(error, networks)
        raise
    for one in networks:
        one.draw(f"{len(one.done)} recipes")


def _note(error: BaseException, networks: Sequence[Kept]) -> None:
    """Has the error say what is kept, and where."""
    done = sum(len(one.done) for one in networks)
    total = sum(len(one.tried) for one in networks)
    paths = [one.journal.path for one in networks if one.journal is not None]
    if done and paths:
        where = paths[0] if len(paths) == 1 else paths[0].parents[1]
        error.add_note(
            f"stopped after {done} of {total} recipes, kept in {where}; the same command goes on "
            "from there"
        )


def _made(
    work: Work, networks: Sequence[Kept], cluster: str | None, progress: Progress
) -> Iterator[tuple[Kept, Point]]:
    """What each recipe that is not done gives, here one after the other."""
    total = sum(len(one.tried) for one in networks)
    left = [(k, recipe) for k, one in enumerate(networks) for recipe in one.left]

    def say(at: int, k: int, recipe: Options) -> None:
        which = f"{networks[k].start.source.file}, " if len(networks) > 1 else ""
        progress(Part("plan", at, total, f": {which}{recipe_name(recipe)}"))

    numbers = range(total - len(left) + 1, total + 1)
    if cluster is None:
        for at, (k, recipe) in zip(numbers, left, strict=True):
            say(at, k, recipe)
            yield networks[k], work(networks[k].network, recipe)
    elif left:
        held = [one.network for one in networks]
        alike = partial(compilers, left[0][1], **work.keywords)
        for at, (k, one) in zip(numbers, on_cluster(cluster, work, held, left, alike), strict=True):
            say(at, k, one.options)
            yield networks[k], one


def _measure(network: Network, recipe: Options, code: bool, chips: Asked) -> Point:
    """Plans by a recipe, checks the placement, and measures."""
    source, graph = network
    clock, after = Clock(quiet), Clock(quiet)
    plan = make_plan(source, graph, recipe, clock)
    judge_placement(memory_map(plan))
    own = sized(plan, find_meter(recipe) if code else None, after)
    beside, size = own.beside.ram_bytes, own.beside.code_bytes
    if code and size is None:
        raise UsageError(f"--code: {own.beside.unknown}")
    return Point(
        recipe,
        plan.arena_bytes,
        sum(task.nest.macs for task in plan.tasks),
        plan.mac_overhead,
        weight_traffic(plan),
        size,
        round(sum(clock.seconds.values()), 3),
        None if beside is None else plan.arena_bytes + beside,
        on_each(own, graph, chips, after),
        small_map(plan),
    )
