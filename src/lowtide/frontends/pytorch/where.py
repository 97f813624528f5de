"""What the user's own code, or torch in it, has raised: in one line, with its place."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

_OURS = Path(__file__).parents[2]


def told(error: BaseException) -> str:
    """ValueError: no such width (nets.py:12)"""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    kind = type(error).__name__
    what = f"{kind}: {said[:300]}" if said else kind
    return what + place(error)


def place(error: BaseException) -> str:
    """(nets.py:12), or nothing."""
    found = _line(error)
    return f" ({found})" if found else ""


def _line(error: BaseException) -> str:
    """The deepest line that is neither lowtide's nor of an installed package's."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    apart = [str(_OURS), *(f for f in sys.path if Path(f).name in ("site-packages",))]
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [
        frame for frame in frames if not frame.filename.startswith(("<", sys.base_prefix, *apart))
    ]
    return f"{Path(theirs[-1].filename).name}:{theirs[-1].lineno}" if theirs else ""
