"""Keyword spotting on endless features wakes the person detector: one arena, one program, an M4.

    python examples/wake [--shared ../shared] [--out out/wake]

Both networks are fitted into one arena (`fit --together --endless wake:49`), compiled with main.c
for this PC and for the board, and run on a stream of words; both must say the same. Without
../shared two small networks that are made here take their places.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx.parser

from lowtide.check.child import run_child
from lowtide.check.compile import find_compiler
from lowtide.errors import CheckError, LowtideError, UsageError
from lowtide.files import write_folder
from lowtide.ir.graph import Array
from lowtide.pipeline.read import Model
from lowtide.pipeline.together import Together, fit_together
from lowtide.planner.options import Options
from lowtide.timing.board_build import link
from lowtide.timing.board_run import run_on_board
from lowtide.timing.boards import DATA
from lowtide.timing.boards import board as find_board

HERE = Path(__file__).parent
WORDS_IN_A_ROW = 6
SMALL = """<ir_version: 9, opset_import: ["": 17]> g (float[1,4,16] x) => (float y)
{ a = MaxPool <kernel_shape = [3], pads = [1, 1]> (x) b = GlobalAveragePool(a) y = Flatten(b) }"""


def asked(shared: Path) -> tuple[list[Model], Array, Array]:
    """The networks, rows of features, and a picture: from ../shared, or small ones made here."""
    models = [shared / "models/tflite" / f"{n}.tflite" for n in ("kws_ref_model", "person_detect")]
    if not all(one.exists() for one in models):
        print(f"{shared} is not there: two small networks take the places of its own")
        rows = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
        return [onnx.parser.parse_model(SMALL)] * 2, rows, rows[:16]
    rows = np.load(shared / "data/kws01.npz")["x"][:WORDS_IN_A_ROW].reshape(-1, 10)
    picture = np.random.default_rng(0).integers(-128, 128, (96, 96)).astype(np.int8)
    return [*models], rows, picture


def settings(made: Together, word: int, loud: float) -> str:
    """settings.h: what main.c needs to know of the networks."""
    (wake, look) = made.fitted
    lines = [f"#define {n} {v}" for n, v in {
        "SCORE": wake.memory.outputs[0].c, "WORDS": wake.memory.outputs[0].elements,
        "CLASSES": look.memory.outputs[0].elements, "WORD": word, "LOUD": loud,
        "ROWS_BYTES": wake.memory.inputs[0].bytes, "PICTURE_BYTES": look.memory.inputs[0].bytes,
    }.items()]  # fmt: skip
    for name, one in (("wake", wake), ("look", look)):
        for way, ports in (("input", one.memory.inputs), ("output", one.memory.outputs)):
            lines.append(f"#define {name}_{way}_0 {name}_{way}_{ports[0].identifier}")
    return "\n".join(lines) + "\n"


def ran(folder: Path, sources: list[str]) -> str:
    """What the program says on this PC."""
    compiler = find_compiler() or ["cc"]
    for name in ("board.h", "system.c"):
        (folder / name).write_text((DATA / name).read_text())
    whole = [*compiler, "-O2", "-std=gnu11", "-I.", *sources, "system.c", "-lm"]
    for command in ([*whole, "-o", "wake"], ["./wake"]):
        done = run_child(command, cwd=folder)
        if done.returncode:
            raise CheckError(f"{command[0]}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout.decode()


def main() -> None:
    parser = argparse.ArgumentParser("python examples/wake", description=__doc__)
    parser.add_argument("--shared", type=Path, default=HERE.parents[2] / "shared")
    parser.add_argument("--out", type=Path, default=Path("out/wake"))
    given = parser.parse_args()
    models, rows, picture = asked(given.shared)
    window = "16" if picture.dtype == np.float32 else "49"
    made = fit_together(
        models, name=["wake", "look"], endless=[f"wake:{window}"],
        options=Options(schedule="layerwise", place="greedy"),
    )  # fmt: skip
    given.out.mkdir(parents=True, exist_ok=True)
    write_folder(given.out, made.files, [])
    (given.out / "frames").write_bytes(rows.tobytes())
    (given.out / "picture").write_bytes(picture.tobytes())
    (given.out / "wake_main.c").write_text((HERE / "main.c").read_text())
    real = picture.dtype == np.float32
    (given.out / "settings.h").write_text(settings(made, 0, -1e9 if real else -20))
    sources = ["wake_main.c", "wake.c", "look.c", "together.c"]
    here = ran(given.out, sources)
    print(here, end="")
    board = find_board("m4")
    elf = link(board, sources, given.out, ["-O3", "-ffp-contract=fast", "-I."])
    status, there = run_on_board(board, elf, 600.0)
    if status or there != here:
        raise CheckError(f"on the board it ends with {status} and says: {there[-300:]}")
    arena = made.shared.arena_bytes
    print(f"on {board.core} the same; one arena of {arena:,} bytes for both networks")


if __name__ == "__main__":
    try:
        main()
    except (LowtideError, UsageError) as error:
        sys.exit(str(error))
