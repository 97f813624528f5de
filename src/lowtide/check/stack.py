"""How deep the stack of a compiled program gets, from what the compiler says of each function.

    net.ci   who calls whom, and each function's frame (GCC): the deepest chain from an entry
    net.su   the frames alone (Clang): an entry, what it drives, and the two largest of the kernels
    net.s    what functions of assembler push, of which the compiler says 0 (Arm)

A function that calls no other may use some bytes below its frame without saying so (`red_zone`).
What functions of the C library take (expf, memcpy) is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \(', re.MULTILINE)
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', re.MULTILINE)
_FRAME = re.compile(r":([\w.$]+)\s+(\d+)\s+\S+$", re.MULTILINE)
_POINTER = "__indirect_call"
_BODY = re.compile(r"^(\w+):[^\n]*\n(.*?)^\s*\.size\s+\1\b", re.MULTILINE | re.DOTALL)
_PUSH = re.compile(r"(v?)push\s+\{(.*)\}$|sub\s+sp, (?:sp, )?#(\d+)$")


def deepest(folder: Path, network: str = "net", red_zone: int = 0) -> int | None:
    """The most bytes of stack that a call of the program takes; None where nothing says so."""
    graph, frames, text = (folder / f"{network}.{kind}" for kind in ("ci", "su", "s"))
    pushed = _pushed(text.read_text()) if text.exists() else {}
    if graph.exists():
        return _by_calls(graph.read_text(), network, red_zone, pushed)
    return _by_frames(frames.read_text(), network, red_zone, pushed) if frames.exists() else None


def _pushed(assembler: str) -> dict[str, int]:
    """The bytes that each function pushes before it does anything else, as whole double words."""
    return {name: -(-sum(_pushes(body)) // 8) * 8 for name, body in _BODY.findall(assembler)}


def _pushes(body: str) -> Iterator[int]:
    for line in filter(None, map(str.strip, body.splitlines())):
        if line[0] in ".@#" or line.endswith(":"):
            continue
        found = _PUSH.match(line)
        if found is None:
            return
        wide, registers, plain = found.groups()
        yield int(plain) if plain else (8 if wide else 4) * sum(map(_count, registers.split(",")))


def _count(registers: str) -> int:
    """How many registers r4-r11 are, or lr."""
    first, _, last = registers.strip().partition("-")
    return int(last[1:]) - int(first[1:]) + 1 if last else 1


def _by_calls(text: str, network: str, red_zone: int, pushed: Mapping[str, int]) -> int | None:
    """The deepest chain of calls from a function of net.h; a pointer may lead to any function that
    nobody calls by its name (the kernels' tables of tiles)."""
    own = {
        name: int(size) or pushed.get(name.rpartition(":")[2], 0)  # net.c:sum, if it is static
        for name, size in _NODE.findall(text)
    }
    edges = _EDGE.findall(text)
    called = {target for _, target in edges}
    entries = [name for name in own if name.startswith(f"{network}_")]
    calls: dict[str, set[str]] = {name: set() for name in own}
    for source, target in edges:
        calls.setdefault(source, set()).add(target)
    own |= {name: size + red_zone for name, size in own.items() if not calls[name]}
    calls[_POINTER] = {name for name in own if name not in called and name not in entries}
    if f"{network}_run" not in own:
        return None
    depth: dict[str, int] = {}
    return max(_depth(name, own, calls, depth, ()) for name in entries)


def _depth(
    name: str,
    own: Mapping[str, int],
    calls: Mapping[str, set[str]],
    depth: dict[str, int],
    above: tuple[str, ...],
) -> int:
    if name not in depth and name not in above:
        inner = (*above, name)
        deeper = [_depth(one, own, calls, depth, inner) for one in sorted(calls.get(name, ()))]
        depth[name] = own.get(name, 0) + max(deeper, default=0)
    return depth.get(name, 0)


def _by_frames(text: str, network: str, red_zone: int, pushed: Mapping[str, int]) -> int | None:
    """An entry and what it steps through, an operator, a kernel and what that calls."""
    frames = {name: int(size) or pushed.get(name, 0) for name, size in _FRAME.findall(text)}
    if f"{network}_run" not in frames:
        return None
    operators = [size for name, size in frames.items() if re.match(r"op\d+_", name)]
    others = [size for name, size in frames.items() if not re.match(rf"op\d+_|{network}_", name)]
    wrappers = [frames.get(f"{network}_{name}", 0) for name in ("run", "pull", "push")]
    driver = max(wrappers) + frames.get(f"{network}_step", 0)
    return driver + max(operators, default=0) + sum(sorted(others)[-2:]) + red_zone
