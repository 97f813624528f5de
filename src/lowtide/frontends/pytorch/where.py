"""What the user's own code, or torch in it, has raised: in one line, with its place."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_OURS = Path(__file__).parents[2]
_FRAME = re.compile(r'^ *File "(.+)", line (\d+)', re.MULTILINE)


def told(error: BaseException) -> str:
    """ValueError: no such width (nets.py:12)"""
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    kind = type(error).__name__
    what = f"{kind}: {said[:300]}" if said else kind
    return what + place(error)


def place(error: BaseException) -> str:
    """(nets.py:12), or nothing."""
    return _shown(_line(error))


def module_of(error: BaseException, module: nn.Module) -> str:
    """in 'body.0', or in the module itself: where its forward() raised; nothing if elsewhere."""
    names = {id(one): name for name, one in module.named_modules()}
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = [names[key] for one in frames if (key := id(one.f_locals.get("self"))) in names]
    return within(found[-1]) if found else ""


def within(name: str) -> str:
    """in 'body.0', or in the module itself, which has no name."""
    return f" in '{name}'" if name else " in the module itself"


def line_of(trace: str) -> str:
    """(nets.py:12) of a trace in words, or nothing."""
    return _shown(_theirs((file, int(line)) for file, line in _FRAME.findall(trace)))


def _line(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    return _theirs((frame.filename, frame.lineno or 0) for frame in frames)


def _theirs(frames: Iterable[tuple[str, int]]) -> str:
    """The deepest line that is neither lowtide's nor of an installed package's."""
    apart = [str(_OURS), *(f for f in sys.path if Path(f).name in ("site-packages",))]
    found = [one for one in frames if not one[0].startswith(("<", sys.base_prefix, *apart))]
    return f"{Path(found[-1][0]).name}:{found[-1][1]}" if found else ""


def _shown(line: str) -> str:
    return f" ({line})" if line else ""
