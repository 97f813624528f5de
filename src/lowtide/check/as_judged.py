"""net.h as the checks leave it: flags that are right, and what the results were compared with."""

from __future__ import annotations

import re
import textwrap

from lowtide.check.flags import SHIPS, renamed
from lowtide.check.judge import Checks
from lowtide.quoting import for_c

_WORK = re.compile(r"^   work .*\n", re.MULTILINE)


def as_judged(header: bytes, checks: Checks) -> bytes:
    """A net.h that also says where a compiler was wrong, and of a network that could not be
    compared with its exact values how far it may be from what, and how far it is."""
    built, against = checks.built, checks.against
    if built.flags != SHIPS:
        failed = [flags for flags, _ in built.failed if "-DLOWTIDE_CHECKED" not in flags]
        header = renamed(header, built.flags, failed, built.compiler)
    if against.kind == "float64":
        return header
    error = f"{checks.max_abs_diff:.3g} at most, {checks.shown_and_allowed}"
    said = for_c(error.replace("'s ", " "), 1000)
    lines = textwrap.wrap(said, 90, initial_indent="   error  ", subsequent_indent=" " * 10)
    added = "".join(f"{line}\n" for line in lines)
    return _WORK.sub(lambda work: work[0] + added, header.decode(), count=1).encode()
