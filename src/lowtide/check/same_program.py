"""net.c is checks/net.c without its judge: what was checked read by read is what ships.

Both go through the compiler's own preprocessor. What is left of the judge then is ((void)0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lowtide.check.child import run_child
from lowtide.check.compile import own_arena, write_sources
from lowtide.check.system_faults import check_system, compiler_environment
from lowtide.errors import CheckError
from lowtide.files.listing import CHECKS


def check_same_program(
    files: Mapping[str, bytes], called: str, compiler: Sequence[str], folder: Path
) -> None:
    """Raises CheckError where the two differ in more than the judge."""
    write_sources(files, folder)
    ships, judged = f"{called}.c", f"{CHECKS}{called}.c"
    command = [*compiler, own_arena(called)]
    if _tokens(ships, command, folder) != _tokens(judged, command, folder):
        raise CheckError(
            f"{ships} is not {judged} without its judge, so what was checked is not what ships",
            hint="fit again, or change both",
        )


def _tokens(source: str, compiler: Sequence[str], folder: Path) -> bytes:
    """The program as the compiler reads it, without blanks and statements that do nothing."""
    command = [*compiler, "-std=c99", "-E", "-P", "-I.", source]
    done = run_child(command, cwd=folder, env=compiler_environment(folder))
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        check_system(said, folder)
        raise CheckError(f"{source} does not compile with {compiler[0]}: {said.strip()[:300]}")
    return re.sub(rb"\s+", b" ", done.stdout).replace(b"((void)0); ", b"")
