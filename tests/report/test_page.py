"""report.html in a real browser: what is drawn, hovered, stepped through and zoomed.

| what a user does               | what the page shows                                       |
|--------------------------------|-----------------------------------------------------------|
| opens it                       | the fullest moment, and a sentence that says why          |
| moves the mouse over a storage | who makes it, its shape and bytes, who reads it last      |
| presses an arrow               | the next moment: who works, what lives, what waits        |
| presses + and 0, or the button | a part of the map, and all of it again                    |
| chooses "Layer by layer"       | the map of whole tensors, with its own peak               |
| chooses another network        | its turn in the arena of all, and what is kept in it      |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders.tools import need
from tests.report.chromium import CHROMIUM, Page, open_page
from tests.report.test_reports import small

import lowtide
from lowtide.ops import ENTRIES
from lowtide.pipeline.together import fit_together
from lowtide.planner.costs import label
from lowtide.planner.memory_map import lifetimes_of
from lowtide.report.page import with_measured

HELD = re.compile(r'(<script id="data" type="application/json">)(.*?)(</script>)', re.S)


@pytest.fixture(scope="module")
def fitted() -> lowtide.Fitted:
    return lowtide.fit(small(), target="none", budget="64KiB")


@pytest.fixture(scope="module")
def page(fitted: lowtide.Fitted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    need("" if CHROMIUM else "there is no chromium")
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_bytes(fitted.files["report.html"])
    with open_page(file, 1200, 900) as opened:
        yield opened
        assert not opened.faults()


def test_the_page_is_the_same_each_time_and_small(fitted: lowtide.Fitted) -> None:
    again = lowtide.fit(small(), target="none", budget="64KiB").files["report.html"]
    assert fitted.files["report.html"] == again
    assert b"<noscript>" in again
    assert len(again) < 60_000
    assert not re.search(rb"https?://", again)


def test_it_opens_at_the_fullest_moment_and_says_why(page: Page, fitted: lowtide.Fitted) -> None:
    live = live_bytes(fitted)
    page.value("choose(0)")
    said = page.text("said")
    assert said.startswith(f"Moment {int(live.argmax()):,} of {len(live) - 1:,}: ")
    assert said.endswith(f"{int(live.max()):,} bytes in use")
    assert f"{int(live.max()):,} bytes. " in page.text("peak")
    assert page.text("advice").startswith("What to do: Try --image streamed: ")
    named = page.value("[...map.named]")
    assert named[0] == "inputs"
    assert len(named) > 3, "also where a name is wider than a turn"
    page.resize(1200, 900)
    script = "Array.from(rows.querySelectorAll('.type'), (n) => n.scrollWidth > n.clientWidth)"
    assert not any(page.value(script)), "a long type has the room that there is"


def test_what_waits_is_said_with_who_reads_it_next(page: Page) -> None:
    """The image, while its first rows are read, waits for the same operator as in plan.json."""
    page.value("choose(0); go(0)")
    assert "x: 12,288 of 12,288 bytes, waits for pool" in page.text("living")
    page.value("go(side.ends[side.operators.findIndex((one) => one.name === 'deep')])")
    assert re.search(r"pool: [\d,]+ of [\d,]+ bytes, (read now|waits for sum)", page.text("living"))
    assert "Budget, for the arena alone64.0 KiB" in page.text("figures")


def test_at_every_moment_it_counts_the_bytes_that_the_plan_has(
    page: Page, fitted: lowtide.Fitted
) -> None:
    """The page's own arithmetic on runs of cells, by sums and storage by storage."""
    page.value("choose(0)")
    live = live_bytes(fitted)
    assert page.value("Array.from(side.live)")[: len(live)] == live.tolist()
    sums = "side.storages.reduce((sum, one) => sum + side.bytesAt(one, {}), 0)"
    for moment in range(len(live)):
        assert page.value(sums.format(moment)) == live[moment]


def test_arrows_step_and_shift_goes_to_the_next_turn(page: Page) -> None:
    page.value("choose(0); go(0); by('map').focus()")
    assert "the inputs are handed in" in page.text("said")
    page.key("ArrowRight")
    assert page.text("said").startswith("Moment 1 of")
    assert "makes row 1 of" in page.text("said"), "counted from 1, as moments"
    assert "made now" in page.text("living")
    before = page.value("side.time.slot(moment)")
    page.key("ArrowRight", shift=True)
    assert page.value("side.time.slot(moment)") == before + 1
    page.key("End")
    assert "the outputs are taken" in page.text("said")
    page.key("Home")
    assert page.value("moment") == 0
    page.key(" ")
    page.key("Escape")
    assert page.text("play") == "Play"


def test_a_storage_says_what_it_is_when_the_mouse_is_over_it(page: Page) -> None:
    """In the middle of what lives at the fullest moment: found by address and moment."""
    page.value("choose(0)")
    box = page.value("(({left, top}) => [left, top])(by('map').getBoundingClientRect())")
    place = page.value(
        "(() => { const k = side.storages.findIndex((s, k) => side.bytesAt(s, moment)"
        " && side.makers[k].length && side.readers[k].length);"
        " const s = side.storages[k], g = s.segments.find((one) => livingAt(one, moment));"
        " const at = g.address + (livingAt(g, moment)[0] + 0.5) * s.cell;"
        " return [map.x(side.time.at(moment) + 0.01), map.y(at), s.owner,"
        "  side.operators[side.makers[k][0]].name, s.shape.join(' x ')]; })()"
    )
    page.mouse("mouseMoved", box[0] + place[0], box[1] + place[1])
    told = page.text("tip").splitlines()
    assert not page.value("by('tip').hidden")
    assert told[0] == place[2]
    assert f"made by {place[3]}" in told
    assert told[2].startswith(place[4])
    assert any(line.startswith("read last by ") for line in told)
    page.mouse("mouseMoved", 5, 5)
    assert page.value("by('tip').hidden")


def test_zoom_shows_a_part_and_all_again(page: Page) -> None:
    page.value("choose(0); by('map').focus()")
    whole = page.value("map.to - map.from")
    page.key("+")
    assert page.value("map.to - map.from") == pytest.approx(whole / 1.5)
    page.key("0")
    assert page.value("map.to - map.from") == whole
    left, top = page.value("(({x, y}) => [x + 5, y + 5])(by('in').getBoundingClientRect())")
    page.click(left, top)
    assert page.value("map.to - map.from") == pytest.approx(whole / 1.5)
    page.key("0")


def test_layer_by_layer_is_the_other_map(page: Page, fitted: lowtide.Fitted) -> None:
    page.value("buttons[1].click()")
    assert f"{fitted.plan.profile.layerwise_bytes:,} bytes. " in page.text("peak")
    assert page.value("buttons[1].getAttribute('aria-pressed')") == "true"
    page.value("buttons[0].click()")


def test_operators_are_listed_and_lead_to_their_moments(page: Page, fitted: lowtide.Fitted) -> None:
    page.value("choose(0)")
    names = page.value("Array.from(document.querySelectorAll('#rows .name'), (n) => n.textContent)")
    assert names == [task.operator.name for task in fitted.plan.tasks if not task.port]
    page.value("document.querySelector('#rows .row:nth-child(2)').click()")
    assert names[1] in page.text("said")
    one = [task for task in fitted.plan.tasks if not task.port][1]
    assert page.text("full").startswith(f"{one.operator.name}: {label(one)}, ")
    for part in label(one).split("+"):
        assert f"{part}: {ENTRIES[part].says}" in page.text("meant")
        assert ENTRIES[part].says in page.text("types")
    page.value("getSelection().selectAllChildren(document.querySelector('#rows .name'))")
    page.value("document.querySelector('#rows .row:nth-child(1)').click()")
    assert names[1] in page.text("said"), "to mark a name, and copy it, is no click"
    page.value("getSelection().removeAllRanges()")
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=390,
        height=900,
        deviceScaleFactor=1,
        mobile=False,
    )
    wide = (
        "Array.from(document.querySelectorAll('#head span'), (n) => n.scrollWidth <= n.clientWidth)"
    )
    assert all(page.value(wide)), "the table keeps its width, in a box that scrolls"
    assert page.value("document.documentElement.scrollWidth") <= 390
    page.call(
        "Emulation.setDeviceMetricsOverride",
        width=1200,
        height=900,
        deviceScaleFactor=1,
        mobile=False,
    )


def test_lines_join_operators_as_the_network_has_them(page: Page) -> None:
    """A skip, and both that are concatenated; each line that is not straight has its own lane."""
    page.value("choose(0)")
    pairs = page.value(
        "(() => { const name = (k) => side.operators[table.order[k]].name;"
        " return table.wires.flatMap(({from, to}) => from.flatMap((a) =>"
        "  to.filter((b) => b > a).map((b) => `${name(a)} ${name(b)}`))); })()"
    )
    assert {"pool deep", "pool sum", "left y", "right y"} <= {*pairs}
    assert "pool left" not in pairs
    lanes = page.value(
        "table.wires.filter((one) => one.leave.length).map(({lane, leave, end}) =>"
        " [lane, leave[0], end])"
    )
    held = {(lane, row) for lane, first, end in lanes for row in range(first, end + 1)}
    assert len(held) == sum(end + 1 - first for _, first, end in lanes)


def test_what_was_measured_is_a_column_of_this_plan(
    page: Page, fitted: lowtide.Fitted, tmp_path: Path
) -> None:
    count = len(fitted.plan.tasks)
    each = [None, *(1000 * k for k in range(1, count))]
    given = {"head": "instructions", "words": "on a <b>board</b>", "unit": "", "each": each}
    file = tmp_path / "measured.html"
    file.write_text(with_measured(fitted.files["report.html"].decode(), given))
    page.open(file, 1200, 900)
    assert page.text("column") == "instructions"
    assert page.text("figures").endswith(f"on a <b>board</b>{sum(each[1:]):,}")
    script = "Array.from(document.querySelectorAll('#rows .share'), (n) => n.textContent)"
    order = page.value("table.order")
    said = ["-" if each[k] is None else f"{each[k]:,}" for k in order]
    assert page.value(script) == said
    page.value("buttons[1].click()")
    assert page.value(script) == []
    given |= {"unit": "seconds", "each": [k / 1e5 for k in range(count)]}
    file.write_text(with_measured(fitted.files["report.html"].decode(), given))
    page.open(file, 1200, 900)
    assert page.value("[amount(0.00123), amount(0.0000123)]") == ["1.23 ms", "12.3 µs"]


def test_networks_in_one_arena_have_a_map_each(page: Page, tmp_path: Path) -> None:
    """A button each; what is kept is hatched, and said, also in the turn of the other."""
    long = "A/PATH/OF/MODULES/THAT/NO/TABLE/HAS/ROOM/FOR"
    models, names = [small(), small(stem=long)], ["face", "wake"]
    keep = [f"face:{small().graph.input[0].name}"]
    made = fit_together(models, name=names, keep=keep, target="none")
    file = tmp_path / "report.html"
    file.write_bytes(made.files["report.html"])
    page.open(file, 1200, 900)
    assert page.value("buttons.map((one) => one.textContent)") == names
    assert f"{made.shared.arena_bytes:,} bytes" in page.text("note")
    (kept,) = made.shared.kept
    said = f"Kept: {keep[0]}, {kept.bytes:,} bytes from byte {kept.offset:,} on."
    page.value("buttons[1].click()")
    assert page.text("note").startswith("The turn of wake: ")
    assert said in page.text("note")
    cells = "Array.from(document.querySelectorAll('#rows .name'), (n) => [n.textContent, n.title])"
    cut = (
        "Array.from(document.querySelectorAll('#rows .name'), (n) => n.scrollWidth > n.clientWidth)"
    )
    page.resize(390, 900)
    assert not any(page.value(cut)), "the column has room for all of a name"
    page.resize(1200, 900)
    for short, full in page.value(cells):
        assert short == full or (full == long and len(short) == 22 and short[:5] == long[:5])
    left, top = page.value("(({x, y}) => [x, y])(by('map').getBoundingClientRect())")
    at = kept.offset + kept.bytes / 2
    page.mouse("mouseMoved", left + 200, top + page.value(f"map.y({at})"))
    assert page.text("tip").startswith(f"kept: {keep[0]}\n")
    page.value("buttons[0].click()")
    assert page.text("note").startswith("The turn of face: ")


def test_ten_thousand_storages_scroll(page: Page, fitted: lowtide.Fitted, tmp_path: Path) -> None:
    """Only what is in sight is in the table, and the map draws it all."""
    html = fitted.files["report.html"].decode()
    match = HELD.search(html)
    assert match
    held = json.loads(match[2])
    held["sides"][0] = chain(10_000)
    file = tmp_path / "large.html"
    file.write_text(HELD.sub(lambda m: m[1] + json.dumps(held) + m[3], html))
    assert any(drawn_in(page, file) < 2000 for _ in range(3)), "the machine may be busy once"
    assert page.value("side.storages.length") == 10_000
    assert page.value("document.querySelectorAll('#rows .row').length") < 60
    page.value("by('table').scrollTop = 1e9")
    page.value("new Promise(requestAnimationFrame)")
    assert page.value("by('rows').lastChild.textContent").startswith("10000")
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    page.value("table.fill(500); dispatchEvent(new Event('beforeprint'))")
    assert page.value("document.querySelectorAll('#rows .row').length") == 500, "all, on paper"


def drawn_in(page: Page, file: Path) -> float:
    """Milliseconds until all of a page is there."""
    page.open(file, 1200, 900, dark=True)
    took: float = page.value("performance.getEntriesByType('navigation')[0].domComplete")
    return took


def chain(count: int) -> dict[str, Any]:
    """Operators one after the other, each reading what the one before made."""
    return {
        "button": "This plan", "head": "After", "note": "", "peak": "", "arena": 2048,
        "storages": [
            {
                "name": f"t{k}", "owner": f"op{k}", "kind": "tensor", "type": "int8",
                "shape": [1024],
                "colour": ["#88aacc", "#335577"], "cell": 1024, "rows": [1024 * (k % 2)],
                "live": [[1, k + 1, k + 2, 0, 0]],
            }
            for k in range(count)
        ],
        "operators": [
            {
                "name": f"op{k}", "full": f"op{k}", "type": "Relu", "shape": [1024], "rows": 1,
                "macs": 0, "weights": 0, "reads": [k - 1] if k else [], "makes": k,
            }
            for k in range(count)
        ],
        "runs": [[k, 0, 1, 1, 0, 1] for k in range(count)],
    }  # fmt: skip


def live_bytes(fitted: lowtide.Fitted) -> np.typing.NDArray[np.int64]:
    """The live bytes of each moment, from plan.json."""
    moments = sum(run.moments for run in fitted.memory.schedule) + 2
    change = np.zeros(moments + 1, np.int64)
    for stored in fitted.memory.storages:
        start, stop = lifetimes_of(stored)
        alive = start <= stop
        np.add.at(change, start[alive], stored.cell_bytes)
        np.add.at(change, stop[alive] + 1, -stored.cell_bytes)
    return np.cumsum(change)[:-1]
