"""The tables of docs/speed.md, README.md's sentence and docs/speed.svg, from docs/speed*.csv:

python -m bench.peers.note
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.peers.measured import RUNTIMES, Other, Row, geometric_mean, read_csv, read_others
from bench.peers.networks import NETWORKS, activations, latencies
from bench.peers.plot import speed_svg
from bench.tables import markdown, put
from lowtide.sizes import show_bytes

ROOT = Path(__file__).parents[2]


def write_note(root: Path = ROOT) -> None:
    """Writes them."""
    docs = root / "docs"
    rows = read_csv(docs / "speed.csv")
    (docs / "speed.svg").write_text(speed_svg(rows))
    put(docs / "speed.md", "speed", _conditions(rows) + full_table(rows))
    put(docs / "speed.md", "short", short_table(rows))
    put(root / "README.md", "speed", summary(rows))
    put(docs / "compare.md", "activations", activations_table(rows))
    peers = docs / "speed-peers.csv"
    if peers.exists():
        put(docs / "speed.md", "peers", peers_table(read_others(peers)))


def _conditions(rows: Sequence[Row]) -> str:
    loads = [one.load_1_minute for one in rows]
    version = ", ".join(sorted({one.onnxruntime_version for one in rows}))
    peak = sorted(one.peak_gflops for one in rows)[len(rows) // 2]
    processor = ", ".join(sorted({one.processor for one in rows}))
    commits = ", ".join(dict.fromkeys(one.commit for one in rows))
    return (
        f"{processor}, one core, {peak:.0f} GFLOP/s in registers; onnxruntime {version}. Load of "
        f"the machine meanwhile {min(loads):.1f} to {max(loads):.1f}. Measured at {commits}.\n\n"
    )


HEAD = (
    "network", "plan", "M MACs", "onnxruntime ms", "lowtide ms", "ratio", "quartiles", "of least",
    "of peak", "arena KiB", "onnxruntime KiB", "share %", "RSS", "onnxruntime's RSS",
)  # fmt: skip


def full_table(rows: Sequence[Row]) -> str:
    """Everything; then a geometric mean for each plan."""
    cells = [
        [
            NETWORKS[one.network], one.plan, f"{one.mega_macs:,.1f}", _ms(one.onnxruntime_ms),
            _ms(one.lowtide_ms), f"**{one.ratio:.2f}**",
            f"{one.ratio_quartile_1:.2f} .. {one.ratio_quartile_3:.2f}",
            f"{one.ratio_of_least:.2f}",
            f"{100 * one.lowtide_share_of_peak:.0f} %", f"{one.arena_kib:,.1f}",
            f"{one.onnxruntime_activation_kib:,.1f}", f"{100 * one.share:.1f}",
            show_bytes(round(1024 * one.lowtide_peak_rss_kib)),
            show_bytes(round(1024 * one.onnxruntime_peak_rss_kib)),
        ]
        for one in rows
    ]  # fmt: skip
    for plan, ratio, share in _means(rows):
        least = geometric_mean([one.ratio_of_least for one in rows if one.plan == plan])
        mean = ["geometric mean", plan, "", "", "", f"**{ratio:.2f}**", "", f"{least:.2f}"]
        mean += ["", "", ""]
        cells.append([*mean, f"{100 * share:.1f}", "", ""])
    return markdown(HEAD, cells)


def summary(rows: Sequence[Row]) -> str:
    """For the README: what fit does by itself, in a sentence."""
    _, ratio, share = _means(rows)[0]
    count = len({one.network for one in rows})
    return (
        f"On one core of a PC, beside onnxruntime (float32, {count} networks, geometric means): "
        f"{ratio:.2f} of its time\nand {100 * share:.1f} % of its memory for activations "
        "([docs/speed.md](docs/speed.md), by `make bench`).\n"
    )


def short_table(rows: Sequence[Row]) -> str:
    """A line a network."""
    plans = list(dict.fromkeys(one.plan for one in rows))
    head = ["network", "onnxruntime ms"]
    for plan in plans:
        head += [f"{plan}: ms", "ratio", "arena", "of onnxruntime's"]
    cells = []
    for name, title in NETWORKS.items():
        own = {one.plan: one for one in rows if one.network == name}
        if not own:
            continue
        line = [title, _ms(next(iter(own.values())).onnxruntime_ms)]
        for plan in plans:
            if plan not in own:
                line += ["not measured", "", "", ""]
                continue
            one = own[plan]
            arena = show_bytes(round(1024 * one.arena_kib))
            line += [_ms(one.lowtide_ms), f"**{one.ratio:.2f}**", arena, f"{100 * one.share:.1f} %"]
        cells.append(line)
    last, means = ["geometric mean", ""], {plan: mean for plan, *mean in _means(rows)}
    for plan in plans:
        ratio, share = means.get(plan, (0.0, 0.0))
        last += ["", f"**{ratio:.2f}**", "", f"{100 * share:.1f} %"] if plan in means else [""] * 4
    return markdown(head, [*cells, last])


def activations_table(rows: Sequence[Row]) -> str:
    """KiB of each runtime; ours as fit plans it by itself."""
    others = {"onnxruntime": "onnxruntime", "iree": "IREE", "tvm": "TVM", "onnx2c": "onnx2c",
              "executorch": "ExecuTorch", "tflite_micro": "TFLM"}  # fmt: skip
    cells, known = [], activations()
    for one in (one for one in rows if one.plan == rows[0].plan):
        shown = [known[one.network].get(name) for name in others]
        kib = ["-" if size is None else f"{size:,.1f}" for size in shown]
        cells.append([NETWORKS[one.network], f"**{one.arena_kib:,.1f}**", *kib])
    return markdown(["network", "lowtide", *others.values()], cells)


def _means(rows: Sequence[Row]) -> list[tuple[str, float, float]]:
    """Geometric means of times and of memory, of each plan that was measured on all networks."""
    every = len({one.network for one in rows})
    found = []
    for plan in dict.fromkeys(one.plan for one in rows):
        own = [one for one in rows if one.plan == plan]
        if len(own) < every:
            continue
        ratios, shares = [one.ratio for one in own], [one.share for one in own]
        found.append((plan, geometric_mean(ratios), geometric_mean(shares)))
    return found


def peers_table(found: Sequence[Other]) -> str:
    """Time over onnxruntime's: what was measured here, then what the notes have."""
    versions = {one.runtime: one.version for one in found if one.version}
    cells = []
    for runtime in RUNTIMES:
        own = {one.network: one for one in found if one.runtime == runtime}
        line = [_status(own.get(name)) for name in NETWORKS]
        cells.append([f"{runtime} {versions.get(runtime, '')}".strip(), "here", *line])
    notes = latencies()
    for runtime in list(next(iter(notes.values())))[1:]:
        line = [
            f"{notes[n][runtime] / notes[n]['onnxruntime']:.2f}" if runtime in notes[n] else "-"
            for n in NETWORKS
        ]
        cells.append([runtime, "notes", *line])
    return markdown(["runtime", "measured", *NETWORKS.values()], cells)


def _status(one: Other | None) -> str:
    if one is None:
        return "not run"
    return f"{one.ratio:.2f}" if one.ratio else one.status


def _ms(value: float) -> str:
    return f"{value:,.{3 if value < 1 else 2 if value < 100 else 0}f}"


if __name__ == "__main__":
    write_note()
