"""What a page has its reader do, in its order: files to save, commands, and what these print.

Save this as `main.c`:  ```c ..```     a file, saved under that name
    lowtide fit ..                     an indented line: a command
``` .. ```                             lines that the commands above it print, here or there
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Save:
    name: str
    text: str


@dataclass(frozen=True)
class Command:
    line: str


@dataclass(frozen=True)
class Printed:
    line: str


def steps(page: Path) -> Iterator[Save | Command | Printed]:
    """A fence without a name of a file just above it is an example of something, no step."""
    lines = iter(page.read_text().splitlines())
    above = ""
    for line in lines:
        if line.startswith("```"):
            held = []
            while not (inside := next(lines)).startswith("```"):
                held.append(inside)
            names = re.findall(r"[Ss]ave (?:it|this) as `([\w.]+)`", above)
            if names and line != "```":
                yield Save(names[-1], "\n".join(held) + "\n")
            elif line == "```":
                yield from (Printed(one) for one in held)
        elif line.startswith("    "):
            yield Command(line.strip())
        above = line or above
