"""What a page has its reader do, in its order: files to save, commands, and what these print.

Save this as `main.c`:  ```c ..```     a file, saved under that name
    lowtide fit ..                     an indented line: a command; its exit code if that is said
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
    exit_code: int


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
            whole = line.strip()
            while whole.endswith("\\"):
                whole = whole[:-1] + next(lines).strip()
            said = re.search(r"exit code (\d)", above)
            yield Command(whole, int(said[1]) if said else 0)
        above = above if line.startswith("    ") else line or above
