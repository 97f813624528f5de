"""Run another program to its end; whatever ends this one ends it too, and all that it began."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def run_child(
    command: Sequence[str],
    data: bytes = b"",
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """The program's status and what it wrote, given `data`.

    Raises subprocess.TimeoutExpired where it takes longer than so many `seconds`.

    It has a process group of its own: a compiler is several processes, and an interrupt that ends
    the first of them would leave the others at work.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command], stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=env, process_group=0
    ) as child:
        try:
            said, complained = child.communicate(data, seconds)
        except BaseException:
            with suppress(OSError):
                if hasattr(os, "killpg"):
                    os.killpg(child.pid, signal.SIGKILL)
                else:  # Windows has no process groups
                    child.kill()
            raise
    return subprocess.CompletedProcess([*command], child.returncode, said, complained)
