"""`lowtide fit --together`: networks that take turns in one arena."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lowtide.cli.output import Out
from lowtide.cli.progress import StageLine
from lowtide.errors import UsageError

_NOT_YET = (
    "bgr", "calibrate", "chip", "classes", "flash", "int8", "labels", "mean", "sample", "shape",
    "std", "test", "tiles", "uncalibrated", "verbose", "weights",
)  # fmt: skip


def fit_together(
    given: Mapping[str, Any], out: Out, as_json: bool, line: StageLine
) -> Mapping[str, Any] | str:
    """What `fit --together` does: writes the folder, returns what is printed."""
    from lowtide.files import check_folder
    from lowtide.pipeline.asked import options_of
    from lowtide.pipeline.together import fit_together as run

    _check(given)
    names = {"name": given["name"].split(",")} if "name" in given else {}
    beside = ("keep", "endless", "budget", "target", "max_elements")
    more = {name: given[name] for name in beside if name in given}
    options = options_of({name: one for name, one in given.items() if name != "name"})
    if out.folder is not None:
        check_folder(out.folder, (), out.read)
    with line as progress:
        made = run(out.read, **names, **more, options=options, progress=progress)
        written = out.write(made)
    return out.said(made.facts() if as_json else str(made), written)


def _check(given: Mapping[str, Any]) -> None:
    """Raises UsageError for options that are for one network."""
    for name in _NOT_YET:
        if name in given:
            option = name.replace("_", "-")
            raise UsageError(
                f"--{option} is for one network: fit each with it first, then those that were made "
                "--together"
            )
    target = given.get("target", "c99")
    if target not in ("c99", "none"):
        raise UsageError(f"--together means nothing with --target {target}: it is for c99 and none")
