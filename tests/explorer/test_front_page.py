"""front.html in a real browser: what is drawn, chosen, copied and let through.

| what a user does                  | what the page shows                              |
|-----------------------------------|--------------------------------------------------|
| opens it                          | the front, and the plan of one of its points     |
| clicks a point, or arrows, Enter  | that plan's figures and its command              |
| presses Copy                      | (the command is what the next paste gives)       |
| chooses "schedule: layerwise"     | such points, and the front of those              |
| opens it at night, or on a phone  | the same, in other colours, no wider than it is  |
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.builders.tools import need
from tests.report.chromium import CHROMIUM, Page, open_page

from lowtide.explorer.front import Point, front
from lowtide.explorer.front_page import front_page
from lowtide.explorer.recipes import recipe_name, recipes
from lowtide.kernels.chips import find_chip
from lowtide.pipeline.command import fit_command
from lowtide.pipeline.on_chip import Limits, OnChip
from lowtide.planner.options import Options

EVIL = "</script><img src=x onerror=alert(1)><!--data-->'\" .onnx"


def costed(code: bool = True) -> list[Point]:
    """A point for each of the usual recipes; each 1 % of extra work saves something."""
    tried = recipes(Options(image="streamed"), 0.5)
    sizes = [4896, 3900, 3800, 630, 420, 410, 409, 260, 150, 148, 151, 120, 110, 100]
    return [
        Point(
            recipe, 1024 * size, int(1e6 * (1 + recipe.max_overhead)), recipe.max_overhead,
            100_000 + 10 * k, 9000 + k if code else None, 1.0, 1024 * size + 900 if code else None,
            on(size), "0,24,0;=;0,48,1" if k else "",
        )
        for k, (recipe, size) in enumerate(zip(tried, sizes, strict=False))
    ]  # fmt: skip


def on(arena_kib: int) -> tuple[OnChip, ...]:
    """What it takes of two chips."""
    return tuple(
        OnChip(find_chip(name), Limits.of(None, name), 1024 * arena_kib, 1000, True, True)
        for name in ("stm32l476", "nrf52840")
    )


def command(one: Point) -> str:
    return fit_command(EVIL, one.options)


POINTS = costed()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front")


@pytest.fixture(scope="module")
def page(home: Path) -> Iterator[Page]:
    need("" if CHROMIUM else "there is no chromium")
    file = home / "front.html"
    file.write_text(front_page(EVIL, "14 recipes", POINTS, command))
    with open_page(file, 1200, 900) as opened:
        yield opened
        assert not opened.faults()


def shown(page: Page) -> list[str]:
    """The recipes in the table."""
    script = "Array.from(document.querySelectorAll('#rows .name'), (n) => n.textContent)"
    found: list[str] = page.value(script)
    return found


def place(page: Page, number: int) -> tuple[float, float]:
    """Where point `number` is on the screen."""
    at: list[float] = page.value(f"chart.place(held.points[{number}])")
    left, top = page.value("(({x, y}) => [x, y])(by('chart').getBoundingClientRect())")
    return left + at[0], top + at[1]


def test_it_opens_with_a_plan_and_hostile_names_are_text(page: Page) -> None:
    assert EVIL in page.text("network")
    assert page.value("document.title").startswith(EVIL[:20])
    assert page.value("document.images.length") == 0
    assert (
        page.text("state") == f"14 recipes; {len(front(POINTS))} of 14 different points are on "
        "the front."
    )
    free = min((one for one in POINTS if not one.mac_overhead), key=lambda one: one.arena_bytes)
    assert page.text("command") == command(free)
    page.value("across.value = 'traffic'; chosen = null; show()")
    assert page.text("command") == command(free), "not that which reads the fewest weights"
    page.value("across.value = 'overhead'; show()")
    assert page.text("grey").endswith(
        ": arena, multiply-adds, weights read, code, memory that a chip lacks."
    )
    assert not page.text("unmeasured")
    by_memory = sorted(POINTS, key=lambda one: (-one.arena_bytes, one.mac_overhead))
    assert shown(page) == [recipe_name(one.options) for one in by_memory]
    seen = (
        "Array.from(rows.querySelectorAll('.name'), (n) => n.scrollWidth <= n.clientWidth"
        " && n.getBoundingClientRect().right <= innerWidth)"
    )
    assert all(page.value(seen)), "names of recipes differ at their ends"
    assert page.value("chart.scales.map((one) => one.words)") == ["logarithmic"] * 2


def test_the_front_that_is_drawn_is_that_of_what_is_shown(page: Page) -> None:
    best: list[float] = page.value("chart.stair.map((one) => one.arena)")
    assert best == sorted(best, reverse=True)
    assert best[-1] == min(one.arena_bytes for one in POINTS)
    numbers = page.value("held.points.map((one) => one.front)")
    assert [POINTS[numbers.index(k)] for k in range(1, 1 + max(numbers))] == [*front(POINTS)]


def test_a_click_chooses_a_point(page: Page) -> None:
    for k in (0, 8, len(POINTS) - 1):
        page.mouse("mouseMoved", *place(page, k))
        assert page.text("tip").split("\n")[0].endswith(recipe_name(POINTS[k].options))
        page.click(*place(page, k))
        assert page.text("command") == command(POINTS[k])
        assert f"{POINTS[k].macs:,}" in page.text("figures")
        assert page.value("by('small').hidden") == (k == 0), "the first was found without a map"
        colour = "by('small').getContext('2d').getImageData(4, {}, 1, 1).data[3]"
        assert k == 0 or [page.value(colour.format(y)) for y in (10, 120)] == [0, 255]
    page.mouse("mouseMoved", 2, 2)
    assert page.value("by('tip').hidden")


def test_arrows_go_from_point_to_point_and_enter_chooses(page: Page) -> None:
    page.value("by('chart').focus()")
    page.key("Home")
    first = page.text("said")
    page.key("ArrowRight")
    assert page.text("said") not in (first, "")
    before = page.text("command")
    page.key("Escape")
    assert page.text("said") == ""
    page.key("ArrowLeft")
    page.key("Enter")
    assert page.text("said").endswith("of weights read")
    assert page.text("name") == page.text("said").split(";")[0]
    assert page.text("command") != before
    page.value("by('table').focus()")
    page.key("ArrowUp")
    assert page.value("shown.indexOf(chosen)") == page.value("table.at")


def test_the_command_is_copied(page: Page) -> None:
    page.call("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    page.click(*page.middle("copy"))
    assert (
        page.value("new Promise((done) => setTimeout(() => done(by('copy').textContent), 50))")
        == "Copied"
    )
    assert page.value("navigator.clipboard.readText()") == page.text("command")


def test_filters_let_points_through(page: Page) -> None:
    """Of an option that has several values, one; or the front only. The rest stays away."""
    page.value("(([, one]) => { one.value = '0'; show(); })(filters[0])")
    assert page.value("filters[0][0]") == "schedule"
    held = [one for one in POINTS if one.options.schedule == "layerwise"]
    assert sorted(shown(page)) == sorted(recipe_name(one.options) for one in held)
    assert page.text("count") == f"{len(held)} of {len(POINTS)} points shown"
    page.value("filters[0][1].value = ''; by('best').click()")
    assert len(shown(page)) == len(front(POINTS))
    page.value("by('best').click()")
    assert len(shown(page)) == len(POINTS)


def test_what_fits_a_chip(page: Page) -> None:
    """Of a chip all points that fit, of each what it has too little of."""
    for value, limit in (("0", 96), ("1", 256), ("all", 96), ("", 1 << 20)):
        page.value(f"fits.value = '{value}'; show()")
        held = [one for one in POINTS if one.arena_bytes <= 1024 * limit]
        assert sorted(shown(page)) == sorted(recipe_name(one.options) for one in held)
    page.value("choose(held.points[7])")
    assert "164 KiB of RAM too much" in page.value("rows.querySelector('.at').textContent")
    assert "does not fit: 164 KiB of RAM too much: RAM 260 of 96 KiB" in page.text("figures")


def test_axes_are_what_was_measured(page: Page, home: Path) -> None:
    both = "[up, across].map((one) => Array.from(one.options, (o) => o.value).join(' '))"
    assert page.value(both) == ["arena ram", "overhead traffic code seconds"]
    page.value("across.value = 'code'; show()")
    assert page.value("chart.points.length") == len(POINTS)
    file = home / "without.html"
    file.write_text(front_page("a.onnx", "14 recipes", costed(code=False), command))
    page.open(file, 390, 900, dark=True)
    assert page.value(both) == ["arena", "overhead traffic seconds"]
    said = "RAM and flash stand with each chip; explore with --code gives RAM and code as well."
    assert page.text("unmeasured") == said
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert page.value("document.documentElement.scrollWidth") <= 390


def test_no_point_and_thousands(page: Page, home: Path) -> None:
    """Only rows in sight are there, and a move of the mouse draws them all in a frame or two."""
    file = home / "many.html"
    file.write_text(front_page("a.onnx", "Stopped after 0 of 9", [], command))
    page.open(file, 1200, 900)
    assert page.value("by('plan').hidden")
    draw = random.Random(3)
    some = (recipe.options for recipe in POINTS)
    options = [*some]
    many = [
        Point(draw.choice(options), draw.randrange(1 << 20), k, draw.random(), k, None, 1.0)
        for k in range(5000)
    ]
    file.write_text(front_page("a.onnx", "5000 recipes", many, command))
    page.open(file, 1200, 900)
    assert page.value("chart.points.length") == 5000
    assert page.value("document.querySelectorAll('#rows .row').length") < 60
    took = page.value(
        "(() => { const from = performance.now();"
        " for (let k = 0; k < 10; k++) look(held.points[k]); return performance.now() - from; })()"
    )
    assert took < 1500, "ten moves of the mouse"
