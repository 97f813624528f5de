"""The table, the CSV and the picture of docs/speed.md, made of numbers that are made up here."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench.peers.measured import (
    Other,
    Row,
    geometric_mean,
    read_csv,
    read_others,
    row,
    write_csv,
    write_others,
)
from bench.peers.networks import NETWORKS, activations, latencies, plans, write_program
from bench.peers.note import write_note

from lowtide.errors import UnreadableModel
from lowtide.planner.options import Options
from lowtide.timing.bench import bench
from lowtide.timing.worker import Worker
from test_bench import EXAMPLE, SECONDS

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/speed.md", "docs/compare.md")
MARKS = ("speed", "short", "activations", "peers")


def made_up(network: str, plan: str, ratio: float, arena_kib: float) -> Row:
    """A row whose other numbers follow from these."""
    values = {field.name: 1.0 if field.type == "float" else "1" for field in fields(Row)}
    held = activations()[network]["onnxruntime"]
    return Row(
        **{
            **values, "rounds": 7, "network": network, "plan": plan, "ratio": ratio,
            "lowtide_ms": 12.5 * ratio, "onnxruntime_ms": 12.5, "arena_kib": arena_kib,
            "onnxruntime_activation_kib": held,
        }  # type: ignore[arg-type]
    )  # fmt: skip


ROWS = [
    made_up("resnet18", "memory", 0.5, 450.8),
    made_up("resnet18", "latency", 0.4, 901.6),
    made_up("vgg16", "memory", 2.0, 2567.6),
    made_up("vgg16", "latency", 0.9, 5135.2),
]


def test_rows_survive_the_csv(tmp_path: Path) -> None:
    write_csv(tmp_path / "speed.csv", ROWS)
    assert read_csv(tmp_path / "speed.csv") == ROWS
    found = [
        Other("vgg16", "iree", "3.13.0", 12.5, 1.25, "timed"),
        Other("vgg16", "tvm", "", None, None, "not installed"),
    ]
    write_others(tmp_path / "peers.csv", found)
    assert read_others(tmp_path / "peers.csv") == found


def test_the_note_is_written_from_the_csv(tmp_path: Path) -> None:
    """Tables between marks in both files, means over each plan, a picture with every network."""
    docs = tmp_path / "docs"
    docs.mkdir()
    write_others(docs / "speed-peers.csv", [Other("vgg16", "iree", "3.13.0", 12.5, 1.257, "timed")])
    for name in PAGES:
        marks = "".join(f"<!-- {m} -->\nold\n<!-- /{m} -->\n" for m in MARKS)
        (tmp_path / name).write_text(f"before\n{marks}after\n")
    write_csv(docs / "speed.csv", ROWS)
    write_note(tmp_path)
    readme, note, compared = ((tmp_path / name).read_text() for name in PAGES)
    for text, mine in ((readme, "speed"), (note, "speed short peers"), (compared, "activations")):
        assert text.startswith("before\n")
        assert text.endswith("after\n")
        assert text.count("old") == len(MARKS) - len(mine.split())
    for name in ("speed", "short"):
        text = note.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
        lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines()}
        assert {"ResNet18", "VGG16", "geometric mean"} <= lines.keys()
        assert "**1.00**" in text  # of 0.5 and 2
        assert "**0.60**" in text  # of 0.4 and 0.9
    assert "| iree 3.13.0 | here |" in note
    assert "1.26" in note
    assert "450.8 KiB | 10.0 %" in note
    assert "2 networks, geometric means): 1.00 of its time\nand 10.0 % of its" in readme
    assert "| ResNet18 | **450.8** | 4,508.0 |" in compared
    picture = ElementTree.parse(docs / "speed.svg").getroot()
    words = [t.text for t in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"ResNet18", "VGG16", "0.50 / 0.40", "10 % / 20 %"} <= set(words)


def test_every_network_has_the_figure_it_is_held_to() -> None:
    held = activations()
    assert held.keys() == latencies().keys() == NETWORKS.keys()
    assert all(one["live_peak"] > 0 and one["onnxruntime"] > 0 for one in held.values())
    assert plans()["memory"] == Options()


def test_a_program_that_only_the_bench_checks(tmp_path: Path) -> None:
    """What is timed is what fit emits; the row has what was measured."""
    write_program(EXAMPLE, Options(), tmp_path / "out")
    found = bench(tmp_path / "out", "onnxruntime", model=EXAMPLE, seconds=SECONDS)
    made = row("mlperf_resnet8", "memory", found, "0123abc")
    assert made.arena_kib * 1024 == found.memory.arena_bytes
    assert made.ratio_quartile_1 <= made.ratio <= made.ratio_quartile_3


def test_geometric_mean() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_a_runtime_that_is_not_there_is_said() -> None:
    """Not a crash: one line of the table."""
    command = [sys.executable, "-m", "bench.peers.runtimes", "no_such", "model", "inputs"]
    worker = Worker("no_such", command, None, {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"})
    with worker, pytest.raises(UnreadableModel, match="no_such: not installed"):
        worker.start()
