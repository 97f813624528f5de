"""What README.md, docs/output.md and docs/float32.md show, docs/memory.svg: python -m bench.readme

The table is planned only (`--target none`); docs/models.md has the networks that were emitted,
checked and run.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import onnx

from bench.tables import markdown, put
from lowtide.clock import Clock
from lowtide.frontends.onnx.freeze import freeze
from lowtide.frontends.onnx.load import load
from lowtide.pipeline.fit import read
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options
from lowtide.sizes import show_bytes

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared/models"
OWN = ROOT / "examples/resnet8_cifar10.onnx"
STRUCTURES = ("mobilenet_v2", "squeezenet1_1", "resnet18", "inception_v3", "vgg16")
TRAINED = ("resnet20_cifar10", "face_slim_320", "yunet_n_320")


def _fill_weights() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fill_weights", SHARED / "fill_weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def networks(folder: Path) -> Iterator[Path]:
    """The shipped network, trained ones, and architectures filled with random weights."""
    yield OWN
    yield from (SHARED / f"onnx/{name}.onnx" for name in TRAINED)
    fill = _fill_weights().fill
    for name in STRUCTURES:
        source = SHARED / f"structure/{name}.onnx"
        onnx.save(fill(onnx.load(source, load_external_data=False)), folder / f"{name}.onnx")
        yield folder / f"{name}.onnx"


def row(path: Path) -> list[str]:
    """One network: peaks in bytes of float32, from the most memory to the least."""
    clock = Clock(lambda _: None)
    source, graph = read(path, clock)
    plan = make_plan(source, graph, Options(), clock)
    unfused = make_plan(source, freeze(load(path)), Options(order="given", place="greedy"), clock)
    own = plan.profile
    exported = unfused.profile.layerwise_bytes
    return [
        path.stem,
        show_bytes(exported),
        show_bytes(own.layerwise_bytes),
        f"**{show_bytes(plan.arena_bytes)}**",
        f"{100 * (1 - plan.arena_bytes / own.layerwise_bytes):.0f} %",
        f"{100 * (plan.arena_bytes / plan.profile.lower_bound_bytes - 1):.1f} %",
    ]


HEAD = ("network", "as exported", "whole tensors", "arena", "saved", "above bound")


def transcript(target: str) -> str:
    """The commands of a target of the Makefile with what they print; no progress, no echoes."""
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None
    lines = []
    for command in recipe.group(1).replace("\\\n", "").strip().split("\n"):
        if command.strip().startswith("@"):
            continue
        shell = command.strip().replace("$$", "$").replace("$(BIN)/", ".venv/bin/")
        done = subprocess.run(
            ["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, check=True
        )
        shown = re.sub(r"\s+", " ", shell.replace(".venv/bin/", ""))
        lines += [f"$ {shown}", done.stdout.rstrip(), ""]
    return "```\n" + "\n".join(lines).rstrip() + "\n```\n"


def missed() -> str:
    """A budget that is missed: the command, and what it says after its progress."""
    command = "lowtide fit mnist_cntk.onnx -o out --budget 6000"
    with TemporaryDirectory() as folder:
        shutil.copy(SHARED / "onnx/mnist_cntk.onnx", folder)
        words = [sys.executable, "-m", *command.split()]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    first = next(k for k, line in enumerate(lines) if ": needs " in line)
    return "\n".join(["```", f"$ {command}", *lines[first:], "```", ""])


def main() -> None:
    """Writes them; --transcripts: nothing that needs ../shared."""
    put(ROOT / "docs/output.md", "transcript", transcript("demo"))
    shutil.copy(ROOT / "out/resnet8_int8/memory.svg", ROOT / "docs/memory.svg")
    if "--transcripts" in sys.argv:
        return
    if not SHARED.exists():
        sys.exit("../shared is not there: the table was left as it is")
    put(ROOT / "README.md", "budget", missed())
    with TemporaryDirectory() as folder:
        rows = [row(path) for path in networks(Path(folder))]
        put(ROOT / "docs/float32.md", "table", markdown(HEAD, rows))


if __name__ == "__main__":
    main()
