"""`lowtide fit --together`: networks that take turns in one arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lowtide.cli.output import Out
from lowtide.cli.progress import StageLine
from lowtide.cli.repeat import was_given
from lowtide.errors import UsageError

if TYPE_CHECKING:
    from lowtide.planner.plan import Options

_NOT_YET = (
    "bgr", "calibrate", "chip", "classes", "flash", "int8", "labels", "mean", "sample", "shape",
    "std", "test", "tiles", "uncalibrated", "verbose", "weights",
)  # fmt: skip


def check_together(context: typer.Context, target: str) -> None:
    """Raises UsageError for options that are for one network."""
    for name in _NOT_YET:
        if was_given(context, name):
            option = name.replace("_", "-")
            raise UsageError(
                f"--{option} is for one network: fit each with it first, then those that were made "
                "--together"
            )
    if target == "onnx":
        raise UsageError("--together is for --target c99 and none")


def fit_together(
    models: Sequence[Path],
    names: Sequence[str] | None,
    keep: Sequence[str],
    endless: Sequence[str],
    budget: str | None,
    options: Options,
    target: str,
    out: Out,
    max_elements: int,
    as_json: bool,
    line: StageLine,
) -> Mapping[str, Any] | str:
    """What `fit --together` does: writes the folder, returns what is printed."""
    from lowtide.files import check_folder
    from lowtide.pipeline.together import fit_together as run
    from lowtide.pipeline.together_text import show_together

    if out.folder is not None:
        check_folder(out.folder, (), models)
    with line as progress:
        made = run(
            models, names=names, keep=keep, endless=endless, budget=budget, options=options,
            target=target, max_elements=max_elements, progress=progress,
        )  # fmt: skip
        written = out.write(made.files)
    return out.said(made.facts() if as_json else show_together(made), written)
