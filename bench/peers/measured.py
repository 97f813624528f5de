"""One network under one plan, timed beside onnxruntime; the same as a row of docs/speed.csv."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from math import exp, log
from pathlib import Path

from bench.peers.networks import activations
from lowtide.timing.result import Benched

RUNTIMES = ("iree", "tvm")
"""Other runtimes: those with a file in runtimes/."""


@dataclass(frozen=True)
class Other:
    """A runtime's time for a network; `ratio` is against onnxruntime, of paired runs.

    `status` says why there is none.
    """

    network: str
    runtime: str
    version: str
    milliseconds: float | None
    ratio: float | None
    status: str


@dataclass(frozen=True)
class Row:
    """Times in milliseconds of the processor; `ratio` is lowtide / onnxruntime, of paired runs.

    The least times are those of the rounds that the machine's other work disturbed least.

    `onnxruntime_activation_kib` is that of activations.csv, with its input counted as the arena
    counts ours.
    """

    network: str
    plan: str
    mega_macs: float
    rounds: int
    lowtide_ms: float
    lowtide_quartile_1_ms: float
    lowtide_quartile_3_ms: float
    lowtide_least_ms: float
    onnxruntime_ms: float
    onnxruntime_quartile_1_ms: float
    onnxruntime_quartile_3_ms: float
    onnxruntime_least_ms: float
    ratio: float
    ratio_quartile_1: float
    ratio_quartile_3: float
    lowtide_share_of_peak: float
    onnxruntime_share_of_peak: float
    peak_gflops: float
    arena_kib: float
    onnxruntime_activation_kib: float
    lowtide_peak_rss_kib: float
    onnxruntime_peak_rss_kib: float
    onnxruntime_idle_rss_kib: float
    onnxruntime_version: str
    processor: str
    load_1_minute: float
    commit: str

    @property
    def ratio_of_least(self) -> float:
        """The ratio of the least times."""
        return self.lowtide_least_ms / self.onnxruntime_least_ms

    @property
    def share(self) -> float:
        """Of onnxruntime's activation memory, the arena."""
        return self.arena_kib / self.onnxruntime_activation_kib


def row(network: str, plan: str, found: Benched, commit: str) -> Row:
    """The row of a measurement, made at a commit of this project."""
    ours, other, ratio = found.ours, found.other, found.ratio
    assert other is not None
    assert ratio is not None
    return Row(
        network=network,
        plan=plan,
        mega_macs=found.macs / 1e6,
        rounds=found.rounds,
        lowtide_ms=1e3 * ours.seconds.median,
        lowtide_quartile_1_ms=1e3 * ours.seconds.low,
        lowtide_quartile_3_ms=1e3 * ours.seconds.high,
        lowtide_least_ms=1e3 * ours.seconds.least,
        onnxruntime_ms=1e3 * other.seconds.median,
        onnxruntime_quartile_1_ms=1e3 * other.seconds.low,
        onnxruntime_quartile_3_ms=1e3 * other.seconds.high,
        onnxruntime_least_ms=1e3 * other.seconds.least,
        ratio=ratio.median,
        ratio_quartile_1=ratio.low,
        ratio_quartile_3=ratio.high,
        lowtide_share_of_peak=found.of_peak(found.macs, ours.seconds.median) or 0.0,
        onnxruntime_share_of_peak=found.of_peak(found.macs, other.seconds.median) or 0.0,
        peak_gflops=2e-9 * found.peak,
        arena_kib=found.memory.arena_bytes / 1024,
        onnxruntime_activation_kib=activations()[network]["onnxruntime"],
        lowtide_peak_rss_kib=(ours.peak_rss_bytes or 0) / 1024,
        onnxruntime_peak_rss_kib=(other.peak_rss_bytes or 0) / 1024,
        onnxruntime_idle_rss_kib=(other.idle_rss_bytes or 0) / 1024,
        onnxruntime_version=other.version,
        processor=str(found.machine["processor"]),
        load_1_minute=float(found.machine["load_1_minute"] or 0.0),
        commit=commit,
    )


def geometric_mean(values: Sequence[float]) -> float:
    """The mean of ratios."""
    return exp(sum(map(log, values)) / len(values))


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """A line a measurement, numbers to five figures."""
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        out.writeheader()
        for one in rows:
            values = asdict(one).items()
            out.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in values})


def read_csv(path: Path) -> list[Row]:
    """The rows back; none of a file with other columns, of an older version of this script."""
    kinds = {"str": str, "int": int, "float": float}
    with path.open(newline="") as file:
        lines = csv.DictReader(file)
        if lines.fieldnames != [f.name for f in fields(Row)]:
            return []
        return [
            Row(**{f.name: kinds[str(f.type)](held[f.name]) for f in fields(Row)}) for held in lines
        ]


def write_others(path: Path, found: Sequence[Other]) -> None:
    """A line a runtime and network."""
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, [f.name for f in fields(Other)], lineterminator="\n")
        out.writeheader()
        for one in found:
            values = asdict(one).items()
            out.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in values})


def read_others(path: Path) -> list[Other]:
    """The rows back."""
    with path.open(newline="") as file:
        return [
            Other(
                held["network"], held["runtime"], held["version"],
                float(held["milliseconds"]) if held["milliseconds"] else None,
                float(held["ratio"]) if held["ratio"] else None, held["status"],
            )
            for held in csv.DictReader(file)
        ]  # fmt: skip
