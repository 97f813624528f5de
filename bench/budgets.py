"""The smallest budget of RAM that succeeds, and what a missed one suggests: python -m bench.budgets

    [--only NAME] [--shared ../shared] [--run]

For each trained network of ../shared/models/onnx: planned and compiled without a budget, with the
RAM that this took, and with a byte less, until that fails. Then half of it is asked for, and every
command that is told is run. With --run all of them are commands, whose programs are checked too:
hours, where planning takes minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lowtide.clock import Clock
from lowtide.pipeline.fit import read
from lowtide.pipeline.ram import Planning
from lowtide.pipeline.suggest import missed
from lowtide.planner.options import Options

ROOT = Path(__file__).parents[1]


Run = Callable[[Sequence[str]], tuple[int, dict[str, Any]]]


def planned(words: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """What the command would decide, without its checks: the plan of `fit FILE [--budget N]`."""
    clock = Clock(lambda _: None)
    limit = int(words[words.index("--budget") + 1]) if "--budget" in words else None
    planning = Planning(*read(words[1], clock), clock, True)
    sized = planning.within(Options(), limit)
    if limit is None or sized.ram_bytes <= limit:
        return 0, {"ram_bytes": sized.ram_bytes}
    return 3, missed(planning, Options(), limit, sized, words[1]).facts()


def run(words: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """The exit code, and what --json says."""
    command = [sys.executable, "-m", "lowtide", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(f"{shlex.join(command)}: {done.stderr[-2000:]}")
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def smallest(words: Sequence[str], run: Run) -> Iterator[str]:
    """What is wrong with budgets of the RAM that is printed; at last the smallest."""
    _, facts = run(words)
    ram = int(facts["ram_bytes"])
    while True:
        code, facts = run([*words, "--budget", str(ram)])
        if code or int(facts["ram_bytes"]) > ram:
            yield f"WRONG: --budget {ram} was printed and is not met"
            return
        ram = int(facts["ram_bytes"])
        code, facts = run([*words, "--budget", str(ram - 1)])
        if code:
            break
        if int(facts["ram_bytes"]) >= ram:
            yield f"WRONG: --budget {ram - 1} is met in {facts['ram_bytes']}"
            return
        ram = int(facts["ram_bytes"])
    yield f"the smallest budget that succeeds is the RAM printed, {ram:,} B"


def suggestions(words: Sequence[str], budget: int, first: Run) -> Iterator[str]:
    """The commands that a missed budget tells, and what they take when they are run."""
    began = time.process_time()
    code, facts = first([*words, "--budget", str(budget)])
    spent = f" after {time.process_time() - began:.0f} s of a core" if first is planned else ""
    yield f"--budget {budget}: exit code {code}{spent}"
    for one in facts.get("suggestions", []):
        said = one["ram_bytes"]
        code, made = run([w for w in shlex.split(one["command"])[1:] if w != "--json"])
        right = code == 0 and made["ram_bytes"] == said
        verdict = "run: as said" if right else f"WRONG: exit code {code}, {made}"
        yield f"  {said:,} B: {one['command']}, {verdict}"


def main() -> None:
    """Prints lines for each network; ends with 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", help="one network")
    parser.add_argument("--run", action="store_true", help="run commands, do not only plan")
    given = parser.parse_args()
    first, wrong = run if given.run else planned, False
    with TemporaryDirectory() as folder:
        os.chdir(folder)  # commands write to 'out'
        for model in sorted((given.shared.resolve() / "models/onnx").glob("*.onnx")):
            if given.only not in (None, model.stem):
                continue
            words = ["fit", str(model), "-o", "out"]
            for line in smallest(words, first):
                print(f"{model.stem}: {line}", flush=True)
                wrong = wrong or "WRONG" in line
            _, facts = first(words)
            for line in suggestions(words, facts["ram_bytes"] // 2, first):
                print(f"{model.stem}: {line}", flush=True)
                wrong = wrong or "WRONG" in line
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
