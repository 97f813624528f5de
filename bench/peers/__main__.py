"""Speed and memory beside onnxruntime: docs/speed.md, docs/speed.csv, docs/speed.svg, README.md.

    python -m bench.peers [--only NAME ..] [--plan memory|latency] [--seconds 5] [--shared DIR]

Each network is planned and emitted (`memory`: the least memory at no extra multiply-adds, what fit
does unless told otherwise; `latency`: --objective latency), its C built with the flags that net.h
names, checked against onnxruntime and timed beside it, both on one thread of one core. `make
bench` runs it. Lines of docs/speed.csv are replaced one network after the other; the tables are
written at the end. `python -m bench.peers.others` times other runtimes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers.measured import Row, read_csv, row, write_csv
from bench.peers.networks import NETWORKS, plans, write_program
from bench.peers.note import write_note
from bench.portable import filled
from lowtide.timing.bench import bench

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def main() -> None:
    """Measures and writes."""
    given = _arguments()
    if not given.shared.exists():
        sys.exit(f"{given.shared} is not there: it has the networks; name it with --shared")
    names = given.only or list(NETWORKS)
    asked = [plan for plan in plans() if given.plan in (None, plan)]
    path, commit = DOCS / "speed.csv", _commit()
    rows = [one for one in read_csv(path) if one.plan in plans()] if path.exists() else []
    for number, name in enumerate(names, 1):
        _say(f"{number} of {len(names)}: {NETWORKS[name]}")
        with TemporaryDirectory(prefix="lowtide-") as folder:
            model = filled(given.shared, name, Path(folder))
            found = [measured(name, plan, model, given.seconds, commit) for plan in asked]
        rows = [one for one in rows if (one.network, one.plan) not in {_key(new) for new in found}]
        rows = sorted([*rows, *found], key=lambda one: _place(*_key(one)))
        write_csv(path, rows)
    write_note(ROOT)


def _key(one: Row) -> tuple[str, str]:
    return one.network, one.plan


def _place(network: str, plan: str) -> tuple[int, int]:
    return list(NETWORKS).index(network), list(plans()).index(plan)


def _commit() -> str:
    """What is measured, as git names it; a + where files were changed since."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def measured(name: str, plan: str, model: Path, seconds: float, commit: str) -> Row:
    """One network under one plan."""
    began = time.monotonic()
    with TemporaryDirectory(prefix="lowtide-") as folder:
        out = Path(folder) / "out"
        write_program(model, plans()[plan], out)
        planned = time.monotonic() - began
        found = row(name, plan, bench(out, "onnxruntime", model=model, seconds=seconds), commit)
    _say(
        f"  {plan:<8} {found.lowtide_ms:9.2f} ms, onnxruntime {found.onnxruntime_ms:8.2f}, ratio "
        f"{found.ratio:.3f} ({found.ratio_quartile_1:.3f} .. {found.ratio_quartile_3:.3f}), arena "
        f"{found.arena_kib:,.0f} of {found.onnxruntime_activation_kib:,.0f} KiB "
        f"({100 * found.share:.1f} %), {planned:.0f} + {time.monotonic() - began - planned:.0f} s, "
        f"load {found.load_1_minute}"
    )
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", choices=NETWORKS, action="append", help="may be repeated")
    parser.add_argument("--plan", choices=plans(), help="one plan")
    parser.add_argument("--seconds", type=float, default=5.0, help="to time each pair")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
