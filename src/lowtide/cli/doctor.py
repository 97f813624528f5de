"""`lowtide doctor`."""

from __future__ import annotations

import typer

from lowtide.cli.options import Json
from lowtide.cli.output import show
from lowtide.cli.progress import StageLine
from lowtide.errors import UsageError


def doctor(as_json: Json = False) -> None:
    """What lowtide needs on this machine: what is here, what is missing, how it comes here.

    Python's packages, C compilers, references for .tflite files, tools of emulated boards. Exit
    code 2 where `lowtide fit` cannot work here.
    """
    from lowtide.timing.doctor import examine
    from lowtide.timing.doctor_text import doctor_text

    with StageLine() as progress:
        examined = examine(progress)
    show(examined.facts() if as_json else doctor_text(examined))
    if not examined.ready:
        raise typer.Exit(UsageError.exit_code)
