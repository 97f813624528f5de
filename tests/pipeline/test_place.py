"""Buffers from minimalloc's CSV: placed soundly, within the capacity where there is a way."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowtide.check.buffers import check_buffers
from lowtide.errors import BudgetError, ModelError, UnreadableModel, UnsupportedModel
from lowtide.minimalloc.buffers import Buffer, Gap, problem_of
from lowtide.minimalloc.csv_file import read_csv, written_csv
from lowtide.pipeline.place import place_buffers
from lowtide.placers import exact, greedy
from lowtide.placers.grid import Grid
from lowtide.placers.problem import Block
from lowtide.placers.skyline import fill
from lowtide.placers.terrain import Bar

SHARED = Path(__file__).parents[3] / "shared" / "models" / "minimalloc"
QUICK = settings(max_examples=60, derandomize=True, deadline=None)
CAPACITY = 1 << 20


def occupied(buffer: Buffer, offset: int) -> set[tuple[int, int]]:
    """The (time, byte) cells a buffer lives in: the definition, word for word."""
    cells = set()
    for time in range(buffer.lower, buffer.upper):
        held = [gap.window for gap in buffer.gaps if gap.lower <= time < gap.upper]
        first, end = held[0] if held else (0, buffer.size)
        cells |= {(time, offset + byte) for byte in range(first, end)}
    return cells


def sound(buffers: list[Buffer], offsets: tuple[int, ...]) -> bool:
    cells = [occupied(b, a) for b, a in zip(buffers, offsets, strict=True)]
    aligned = all(a >= 0 and a % b.alignment == 0 for b, a in zip(buffers, offsets, strict=True))
    return aligned and sum(map(len, cells)) == len(set().union(*cells))


def least(buffers: list[Buffer]) -> int:
    """The least arena, by trying all offsets."""
    arena = max(b.size for b in buffers)
    while True:
        choices = [range(0, arena - b.size + 1, b.alignment) for b in buffers]
        if any(sound(buffers, offsets) for offsets in product(*choices)):
            return arena
        arena += 1


@st.composite
def bars(draw: st.DrawFn) -> list[Bar]:
    count = draw(st.integers(1, 5))
    spans = [(draw(st.integers(0, 3)), draw(st.integers(1, 3))) for _ in range(count)]
    starts = sorted({a for a, _ in spans})
    lives = [(starts.index(a), sum(s < a + n for s in starts)) for a, n in spans]
    return [Bar(a, z, draw(st.integers(1, 4)), 99) for a, z in lives]


@QUICK
@given(bars())
def test_the_search_along_the_skyline_is_complete(bars: list[Bar]) -> None:
    """It fits what brute force fits, and says that the rest is impossible, for every arena."""
    buffers = [Buffer(f"b{k}", b.first, b.stop, b.height) for k, b in enumerate(bars)]
    best = least(buffers)
    for arena in range(max(b.height for b in bars), best + 2):
        held = [Bar(b.first, b.stop, b.height, arena - b.height) for b in bars]
        found = fill(held, arena, 1_000_000)
        assert (found.at is not None) == (arena >= best)
        assert found.impossible == (arena < best)
        if found.at is not None:
            assert sound(buffers, tuple(found.at))
            assert max(a + b.height for a, b in zip(found.at, bars, strict=True)) <= arena


@st.composite
def gapped(draw: st.DrawFn) -> list[Buffer]:
    """Up to four buffers, some of them dead or nearly so for a while; one alignment or two."""
    buffers = []
    for k in range(draw(st.integers(1, 4))):
        lower, size = draw(st.integers(0, 2)), draw(st.integers(1, 4))
        upper = lower + draw(st.integers(1, 5))
        cuts = sorted(draw(st.sets(st.integers(lower, upper), max_size=4)))
        gaps = []
        for a, z in zip(cuts[::2], cuts[1::2], strict=False):
            first = draw(st.integers(0, size - 1))
            window = draw(st.sampled_from([(0, 0), (first, draw(st.integers(first + 1, size)))]))
            gaps.append(Gap(a, z, window))
        buffers.append(
            Buffer(f"b{k}", lower, upper, size, draw(st.sampled_from([1, 1, 2])), (*gaps,))
        )
    return buffers


@QUICK
@given(gapped())
def test_gaps_against_brute_force(buffers: list[Buffer]) -> None:
    placed, best = place_buffers(buffers), least(buffers)
    assert sound(buffers, placed.offsets)
    assert placed.bound <= best <= placed.arena_bytes
    if len({buffer.alignment for buffer in buffers}) == 1:
        assert placed.proven
    if placed.proven:
        assert placed.arena_bytes == best
        with pytest.raises(BudgetError, match="cannot fit"):
            place_buffers(buffers, best - 1)


@QUICK
@given(gapped(), st.data())
def test_the_check_finds_what_the_cells_show(buffers: list[Buffer], data: st.DataObject) -> None:
    offsets = tuple(data.draw(st.integers(0, 6)) for _ in buffers)
    assert (check_buffers(buffers, offsets, 99) == []) == sound(buffers, offsets)


def test_a_buffer_in_the_gap_of_another() -> None:
    """They share bytes, which whole lifetimes would not allow."""
    held = Buffer("held", 0, 9, 8, gaps=(Gap(3, 6, (0, 2)),))
    other = Buffer("other", 3, 6, 6)
    placed = place_buffers([held, other], 8)
    assert placed.offsets == (0, 2)
    assert placed.proven


def test_enough_is_enough_and_claims_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any arena within the capacity will do, and the bound stays that of the problem."""

    def stacked(grid: Grid, _: tuple[Block, ...]) -> greedy.Stacking:
        return greedy.Stacking((), (0, 4, 6, 9), 14)

    monkeypatch.setattr(greedy, "pack", stacked)
    lives = [(4, 0, 2), (2, 1, 4), (3, 1, 3), (5, 3, 5)]
    problem = problem_of([Buffer(f"b{k}", a, z, s) for k, (s, a, z) in enumerate(lives)])
    placed = exact.place(problem, seconds=5, enough=12)
    assert placed.arena_bytes <= 12
    assert placed.bound == 9
    assert placed.proven == (placed.arena_bytes == 9)


GOOD = "id,lower,upper,size\nb1,0,3,4\nb2,3,9,4\nb3,0,9,4\nb4,9,21,4\nb5,0,21,4\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "given.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_what_is_read_is_written_with_offsets(tmp_path: Path) -> None:
    """Columns in any order, minimalloc's other names, CRLF, hints: all are kept."""
    text = "size,hint,id,begin,end,gaps,alignment\r\n4,-1,x,0,8,2-3@0:2 5-6,2\r\n2,0,y,2,3,,2\r\n"
    table = read_csv(written(tmp_path, text))
    gaps = (Gap(2, 4, (0, 2)), Gap(5, 7))  # `end` is inclusive
    assert table.buffers == (Buffer("x", 0, 9, 4, 2, gaps), Buffer("y", 2, 4, 2, 2))
    lines = written_csv(table, (0, 2)).decode().split("\n")
    assert lines == [
        "size,hint,id,begin,end,gaps,alignment,offset",
        "4,-1,x,0,8,2-3@0:2 5-6,2,0",
        "2,0,y,2,3,,2,2",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("id,lower,upper,size\n", "no buffers"),
        ("id,lower,size\na,0,1\n", "no column 'upper'"),
        ("b1,0,3,4\nb2,3,9,4\n", "no column 'id'"),
        ("id,lower,start,upper,size\n", "two columns for 'lower'"),
        ("id,lower,upper,size\na,0,1\n", "line 2: 3 fields, though 4"),
        ("id,lower,upper,size\na,0,x,4\n", "line 2: upper 'x' is no whole number"),
        ("id,lower,upper,size\na,0,1,1e3\n", "size '1e3'"),
        ("id,lower,upper,size\na,0,1,²\n", "size '²'"),
        ("id,lower,upper,size\na,0,1," + "9" * 30 + "\n", "no whole number"),
        ("id,lower,upper,size\na,-1,1,4\n", "lower '-1'"),
        ("id,lower,upper,size\na,0,1,0\n", "'a': size and alignment must be 1 or more"),
        ("id,lower,upper,size\na,5,5,4\n", "'a' ends at 5"),
        ("id,lower,upper,size\na,0,1,4\na,1,2,4\n", "line 3: there are two buffers 'a'"),
        ("id,lower,upper,size\n,0,1,4\n", "no id"),
        ("id,lower,upper,size,gaps\na,0,9,4,2:4\n", "'2:4' is no gap"),
        ("id,lower,upper,size,gaps\na,0,9,4,4-4\n", "gap '4-4' is empty"),
        ("id,lower,upper,size,gaps\na,0,9,4,2-4@3:5\n", "not within 4 bytes"),
        ("id,lower,upper,size,gaps\na,0,9,4,2-4 3-5\n", "not overlap"),
        ("id,lower,upper,size,gaps\na,0,9,4,8-10\n", "within its lifetime"),
        ('id,lower,upper,size\n"a,0,1,4\n', "line 2"),
        (b"id,lower,upper,size\n\xff,0,1,4\n", "not UTF-8"),
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(UnreadableModel, match=r"given\.csv: ") as caught:
        read_csv(written(tmp_path, text))
    assert said in str(caught.value)


@pytest.mark.parametrize("column", ["offset", "colour"])
def test_columns_that_lowtide_cannot_heed(tmp_path: Path, column: str) -> None:
    text = f"id,lower,upper,size,{column}\na,0,1,4,0\n"
    with pytest.raises(UnsupportedModel, match=f"column '{column}'"):
        read_csv(written(tmp_path, text))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        read_csv(tmp_path / "none.csv")


def lowtide(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lowtide", "place", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command(tmp_path: Path) -> None:
    """stdout is the CSV, or with -o the file is; both are the same bytes each time."""
    given_file, out = written(tmp_path, GOOD), tmp_path / "new" / "out.csv"
    done = lowtide(given_file, "--capacity", "12")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    buffers = [Buffer(r["id"], int(r["lower"]), int(r["upper"]), int(r["size"])) for r in rows]
    assert sound(buffers, tuple(int(r["offset"]) for r in rows))
    assert max(int(r["offset"]) + 4 for r in rows) == 12
    done = lowtide(given_file, "-o", out, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["arena_bytes"], facts["placement_proven"]) == (12, True)
    assert out.read_text() == lowtide(given_file).stdout
    assert [p.name for p in out.parent.iterdir()] == ["out.csv"]


def test_exit_codes(tmp_path: Path) -> None:
    given_file, out = written(tmp_path, GOOD), tmp_path / "out.csv"
    broken = tmp_path / "broken.csv"
    broken.write_text("id,lower\n")
    for code, said, *arguments in (
        (3, "cannot fit in 11 bytes: 12 are live at one time", given_file, "--capacity", "11"),
        (3, "buffer 'b1' alone has 4", given_file, "--capacity", "3"),
        (4, "no column 'upper'", broken),
        (2, "'much' is no size", given_file, "--capacity", "much"),
        (2, "is the file that is read", given_file, "-o", given_file),
    ):
        done = lowtide(*arguments, *([] if "-o" in arguments else ["-o", out]))
        assert done.returncode == code
        assert str(said) in done.stderr
        assert not out.exists()
        assert given_file.read_text() == GOOD


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")
@pytest.mark.parametrize(
    "name",
    [*"BCFG", *(pytest.param(name, marks=pytest.mark.slow) for name in "ADEHIJK")],
)
def test_the_instances_of_minimalloc(name: str) -> None:
    table = read_csv(SHARED / f"{name}.{CAPACITY}.csv")
    placed = place_buffers(table.buffers, CAPACITY)
    assert placed.arena_bytes <= CAPACITY
    assert check_buffers(table.buffers, placed.offsets, CAPACITY) == []
