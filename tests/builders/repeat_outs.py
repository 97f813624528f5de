"""Every OUT that tests left is made again from its own lowtide.toml: the same bytes.

    LOWTIDE_REPEAT=all pytest tests/cli      all of them, once the tests are through
    LOWTIDE_REPEAT=2 pytest                  two of them, drawn with a seed

Folders that a test changed as a user does, or whose network it replaced, are left out, and counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from lowtide.cli.app import app
from lowtide.files.listing import NAME, RECIPE, digest, is_example, read_listing

SEED = 1


@dataclass(frozen=True)
class Repeated:
    """How many folders there were, how many of them were changed, how many were looked at, and
    which differ, with why."""

    found: int
    changed: int
    compared: int
    differ: Sequence[str]

    def __str__(self) -> str:
        equal = self.compared - len(self.differ)
        head = f"{self.found} OUTs, {self.changed} changed since and left out, {self.compared} "
        head += f"repeated, {equal} the same to the byte"
        return "\n".join([head, *self.differ])


def repeat_outs(under: Path, asked: str) -> Repeated:
    """Makes the folders below `under` again, each elsewhere: `asked` is all, or how many."""
    every = sorted(one.parent for one in under.rglob(RECIPE) if (one.parent / NAME).is_file())
    whole = [one for one in every if _is_whole(one)]
    changed = len(every) - len(whole)
    if asked != "all":
        whole = random.Random(SEED).sample(whole, min(int(asked), len(whole)))
    return Repeated(
        len(every), changed, len(whole), [why for one in whole for why in _differs(one)]
    )


def _is_whole(folder: Path) -> bool:
    """Whether a folder is as lowtide wrote it, and its networks are those that it was made of."""
    listing = read_listing(folder)
    if listing is None or any(digest(folder, n) != held for n, held in listing.files.items()):
        return False
    if any(n not in listing.files for n in _examples(folder)):
        return False  # the user's own: a list has examples only until they are changed
    named = tomllib.loads((folder / RECIPE).read_text()).get("model", [])
    models = [folder / one for one in ([named] if isinstance(named, str) else named)]
    return bool(models) and all(one.is_file() for one in models) and _made_of(folder, models)


def _examples(folder: Path) -> Iterator[str]:
    """The examples that lie in a folder, whosever they are."""
    files = (one for one in folder.rglob("*") if one.is_file())
    return filter(is_example, (one.relative_to(folder).as_posix() for one in files))


def _made_of(folder: Path, models: Sequence[Path]) -> bool:
    """Whether the plan is of one of these, or of a network that was made of it on the way."""
    try:
        held = json.loads((folder / "plan.json").read_text()).get("sha256")
    except (OSError, ValueError):
        return True
    read = [*models, *folder.glob("*.onnx")]
    return held is None or held in [hashlib.sha256(one.read_bytes()).hexdigest() for one in read]


def _differs(folder: Path) -> Iterator[str]:
    """Which files another fit from its lowtide.toml makes otherwise, beside it: paths in it begin
    at its own folder."""
    again = folder.parent / f"{folder.name}-repeated"
    words = ["fit", "-c", str(folder / RECIPE), "-o", str(again), "--quiet"]
    if failed := _fit(words, (folder / RECIPE).read_text()):
        yield f"{folder}: {failed}"
    else:
        before, after = _contents(folder), _contents(again)
        names = sorted(n for n in {*before, *after} if before.get(n) != after.get(n))
        if names:
            yield f"{folder}: {', '.join(names)}"
    shutil.rmtree(again, ignore_errors=True)


def _fit(words: Sequence[str], recipe: str) -> str:
    """Why it failed, or nothing; where $CC was another compiler, it is again."""
    compiler = next((line[7:] for line in recipe.splitlines() if line.startswith("# CC = ")), None)
    if compiler is None:
        done = CliRunner().invoke(app, words)
        return str(done.exception or done.output[-300:]) if done.exit_code else ""
    command, env = [sys.executable, "-m", "lowtide", *words], {"CC": json.loads(compiler)}
    ran = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
    return ran.stderr[-300:] if ran.returncode else ""


def _contents(folder: Path) -> dict[str, bytes]:
    """lowtide's own files, and their list."""
    listing = read_listing(folder)
    return {n: (folder / n).read_bytes() for n in [NAME, *(listing.files if listing else ())]}
