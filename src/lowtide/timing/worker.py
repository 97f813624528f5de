"""A process that runs a network when it is asked to, on one core, and says how long that took."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from lowtide.errors import CheckError, UnreadableModel


@dataclass(frozen=True)
class Runs:
    """Seconds of a few runs: the processor's own, and those on the wall."""

    own: tuple[float, ...]
    wall: tuple[float, ...]


class Worker:
    """One process; it lives until the `with` is left, and sleeps while it is not asked.

    It prints lines that begin with @ (what else a library prints is not for us): `@version ..`
    where it has one, `@loaded` before the network is (what was there until then is not the
    network's memory), `@ready` after the first run, or `@error ..`. Then it answers requests, a
    line each: see timer.c.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        core: int | None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.version = ""
        self.idle_rss_bytes: int | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._process = subprocess.Popen(
            [*command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        if core is not None:
            os.sched_setaffinity(self._process.pid, {core})

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def start(self) -> Worker:
        """Waits until the network has run once; raises UnreadableModel where it cannot."""
        while (line := self._answer()) != "ready":
            if line.startswith("version "):
                self.version = line.removeprefix("version ")
            elif line == "loaded":
                self.idle_rss_bytes = self._memory("VmRSS")
                self._send("go")
            elif line.startswith("error "):
                raise UnreadableModel(f"{self.name}: {line.removeprefix('error ')}")
        return self

    def run(self, sample: int, times: int) -> Runs:
        """Runs one set of inputs a few times."""
        found = [1e-9 * value for value in self.ask(f"r {sample} {times}")]
        return Runs(tuple(found[::2]), tuple(found[1::2]))

    def ask(self, request: str) -> list[int]:
        """The numbers of an answer."""
        self._send(request)
        return [int(word) for word in self._answer().split()]

    def peak_rss_bytes(self) -> int | None:
        """The most memory that the process had so far; None where the system does not tell.

        Not getrusage's: that of a process begins with its parent's.
        """
        return self._memory("VmHWM")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # why it ended is said when it does not answer
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith("@"):
                return line[1:].strip()
        status = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip().rpartition("\n")[2]
        raise CheckError(f"{self.name} stopped with status {status} {said[-300:]}".strip())

    def _memory(self, field: str) -> int | None:
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return None
        found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
        return 1024 * int(found.group(1)) if found else None
