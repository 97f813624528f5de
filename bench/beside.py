"""Beside TensorFlow Lite Micro with CMSIS-NN on an emulated Cortex-M4: docs/boards.md, README.md.

    python -m bench.beside [--shared ../shared]

Theirs are numbers in beside.json, measured once on the same board with the same start, linker
script and plug-in, and equal outputs; ours are counted now. No code of theirs is here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lowtide
from bench.boards import NETWORKS, PAGE, ROOT
from bench.tables import markdown, put
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.board_result import BoardCount

MEASURED = Path(__file__).with_name("beside.json")
HEAD = (
    "network", "level", "RAM, TFLM", "lowtide", "of it", "instructions, TFLM", "lowtide", "of it",
    "flash, TFLM", "lowtide", "less the file",
)  # fmt: skip


def row(theirs: dict[str, Any], ours: BoardCount) -> list[str]:
    """RAM is arena, static data and the stack of a run; flash holds the network, too."""
    ram = theirs["arena"] + theirs["static"] + theirs["stack_invoke"]
    flash = theirs["flash_all"] - theirs["rig_in_flash"]
    own_ram = ours.memory.arena_bytes + ours.stack_bytes + ours.sizes.state
    return [
        NETWORKS[theirs["network"]], theirs["level"], f"{ram:,}", f"{own_ram:,}",
        f"{own_ram / ram:.2f}", f"{theirs['instructions']:,}", f"{ours.instructions:,}",
        f"{ours.instructions / theirs['instructions']:.2f}", f"{flash:,}",
        f"{ours.sizes.flash:,}", f"{ours.sizes.flash - theirs['file']:,}",
    ]  # fmt: skip


def summary(rows: list[list[str]]) -> str:
    """The rows at -O3 in a sentence: from the least to the most of each column."""
    fast = [one for one in rows if one[1] == "-O3"]
    ram, work, flash = (sorted(float(one[k].replace(",", "")) for one in fast) for k in (4, 7, 10))
    names = ", ".join(one[0] for one in fast)
    return (
        f"On an emulated Cortex-M4, beside TFLM with CMSIS-NN ({names}; GCC -O3):\n"
        f"{ram[0]:.2f} to {ram[-1]:.2f} of its RAM, stack counted, {work[0]:.2f} to {work[-1]:.2f} "
        f"of its instructions,\nand at most {flash[-1]:,.0f} bytes of flash more than the file "
        "([docs/boards.md](docs/boards.md), by `python -m bench.beside`).\n"
    )


def main() -> None:
    """Counts each network and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    models = parser.parse_args().shared / "models/tflite"
    measured = json.loads(MEASURED.read_text())["rows"]
    found = []
    for name in dict.fromkeys(one["network"] for one in measured):
        with TemporaryDirectory(prefix="lowtide-") as folder:
            out = Path(folder) / "out"
            lowtide.fit(models / f"{name}.tflite").emit("c99", out)
            for theirs in (one for one in measured if one["network"] == name):
                ours = bench_on_board(out, Asked("m4", flags=theirs["level"]))
                found.append(row(theirs, ours))
                print(*found[-1], sep="  ", flush=True)
    put(PAGE, "beside", markdown(HEAD, found))
    put(ROOT / "README.md", "beside", summary(found))


if __name__ == "__main__":
    main()
