"""The commands of pages for newcomers run as they stand there, and print what the pages say.

page     in an empty folder with examples/, and networks and pictures by the names that pages use
figures  differ from compiler to compiler, so any number equals any other; words do not
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pages import Command, Printed, Save, steps
from tools import need_board

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [DOCS / "tutorial.md", *sorted((DOCS / "howto").glob("*.md"))]
STANDING_IN = {
    "net.onnx": "resnet8_cifar10.onnx",
    "net.tflite": "resnet8_cifar10_int8.tflite",
    "pictures": "pictures",
}
NOT_HERE = re.compile(r"pip |apt |make |python3 -m venv|\. \.venv|lowtide explore")
"""What sets up an environment, or takes minutes."""
FIRST = re.compile(r"lowtide fit examples/|cc -O2 |python -c ")
"""The first screen of the README, and its C."""


def plain(text: str) -> str:
    return " ".join(re.sub(r"\d[\d,.]*", "0", text).split())


def follow(page: Path, folder: Path, only: re.Pattern[str] | None = None) -> int:
    """Does what a page says, in a folder; how many commands that were."""
    (folder / "examples").symlink_to(ROOT / "examples")
    for name, source in STANDING_IN.items():
        found = ROOT / "examples" / source
        (shutil.copytree if found.is_dir() else shutil.copy)(found, folder / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed, ran = "", 0
    for step in steps(page):
        if isinstance(step, Save):
            (folder / step.name).write_text(step.text)
        elif isinstance(step, Printed):
            assert only or plain(step.line) in plain(printed), f"not printed: {step.line}"
        elif isinstance(step, Command) and not NOT_HERE.match(step.line):
            if only and not only.match(step.line):
                continue
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", step.line], cwd=folder, text=True,
                capture_output=True, env={**os.environ, "PATH": path},
            )  # fmt: skip
            printed = f"{printed}\n{done.stdout}\n{done.stderr}"
            for file in folder.glob("*/net.h"):
                printed += file.read_text()
            assert done.returncode == step.exit_code, f"{step.line}\n{done.stdout}{done.stderr}"
            ran += 1
    return ran


def test_the_first_commands_of_the_readme(tmp_path: Path) -> None:
    assert follow(ROOT / "README.md", tmp_path, FIRST) == 3


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_followed(page: Path, tmp_path: Path) -> None:
    if "board" in page.read_text():
        need_board("m4")
    assert follow(page, tmp_path)
