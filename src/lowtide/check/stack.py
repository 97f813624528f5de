"""How deep the stack of a compiled program gets, from what the compiler says of each function.

    net.ci   who calls whom, and each function's frame (GCC): the deepest chain from an entry
    net.su   the frames alone (Clang): an entry, what it drives, and the two largest of the kernels

A function that calls no other may use some bytes below its frame without saying so (`red_zone`).
What functions of the C library take (expf, memcpy) is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "[^"]*?(\d+) bytes \(', re.MULTILINE)
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', re.MULTILINE)
_FRAME = re.compile(r":([\w.$]+)\s+(\d+)\s+\S+$", re.MULTILINE)
_POINTER = "__indirect_call"


def deepest(folder: Path, network: str = "net", red_zone: int = 0) -> int | None:
    """The most bytes of stack that a call of the program takes; None where nothing says so."""
    graph, frames = folder / f"{network}.ci", folder / f"{network}.su"
    if graph.exists():
        return _by_calls(graph.read_text(), network, red_zone)
    return _by_frames(frames.read_text(), network, red_zone) if frames.exists() else None


def _by_calls(text: str, network: str, red_zone: int) -> int | None:
    """The deepest chain of calls from a function of net.h; a pointer may lead to any function that
    nobody calls by its name (the kernels' tables of tiles)."""
    own = {name: int(size) for name, size in _NODE.findall(text)}
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


def _by_frames(text: str, network: str, red_zone: int) -> int | None:
    """An entry and what it steps through, an operator, a kernel and what that calls."""
    frames = {name: int(size) for name, size in _FRAME.findall(text)}
    if f"{network}_run" not in frames:
        return None
    operators = [size for name, size in frames.items() if re.match(r"op\d+_", name)]
    others = [size for name, size in frames.items() if not re.match(rf"op\d+_|{network}_", name)]
    wrappers = [frames.get(f"{network}_{name}", 0) for name in ("run", "pull", "push")]
    driver = max(wrappers) + frames.get(f"{network}_step", 0)
    return driver + max(operators, default=0) + sum(sorted(others)[-2:]) + red_zone
