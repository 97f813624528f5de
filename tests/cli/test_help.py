"""`fit --help`: a dozen options on the first screen, the rest in panels that say what they are."""

from __future__ import annotations

import json
from collections import Counter

import typer

from commands import Command
from lowtide.cli.app import app


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
    assert all(f"lowtide fit {one}" in said for one in ("net.tflite -o out --chip", "-c out/"))
    alone = command("fit", "--json")
    assert alone.code == 2
    assert "-c" in json.loads(alone.out)["error"]
