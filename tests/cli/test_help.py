"""`fit --help`: a dozen options on the first screen, the rest in panels that say what they are."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import typer

from commands import Command
from lowtide.cli.app import app

ROOT = Path(__file__).resolve().parents[2]


def test_a_dozen_options_come_first(command: Command) -> None:
    params = typer.main.get_command(app).commands["fit"].params  # type: ignore[attr-defined]
    panels = Counter(
        getattr(one, "rich_help_panel", None) or "Options"
        for one in params
        if one.param_type_name == "option"
    )
    assert panels.pop("Options") + 1 == 12, "with --help"
    assert len(panels) == 4
    said = command("fit", "--help").out
    assert said.index("Options") < min(said.index(panel) for panel in panels)
    assert said.index("--chip") < said.index("--quiet") < said.index("--schedule")


def test_the_model_is_asked_for_where_no_file_names_it(command: Command) -> None:
    said = command("fit", "--help").out
    assert "[required]" not in said
    assert all(f"lowtide fit {one}" in said for one in ("examples/resnet8", "-c out/"))
    alone = command("fit", "--json")
    assert alone.code == 2
    assert "-c" in json.loads(alone.out)["error"]


def examples() -> dict[str, list[str]]:
    """The commands that each --help ends with, but for those that need files of one's own."""
    commands = typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
    found = {name: re.findall(r"- `lowtide ([^`]*)`", one.epilog or "") for name, one in commands}
    return {name: its for name, its in found.items() if its}


def test_examples_are_of_files_that_are_there() -> None:
    """And of the command, or of one before it, whose folder it needs."""
    assert examples().keys() | {"place", "train-compressed"} == {
        *typer.main.get_command(app).commands  # type: ignore[attr-defined]
    }
    for name, its in examples().items():
        assert any(one.split()[0] == name for one in its)
        named = [word for one in its for word in one.split() if word.startswith("examples/")]
        assert all((ROOT / word).exists() for word in named)


@pytest.mark.slow
@pytest.mark.parametrize("name", examples())
def test_examples_run_as_printed(
    name: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for one in examples()[name]:
        assert command(*one.split()).code == 0, one
