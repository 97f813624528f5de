"""Writes a folder again and again, stopped at each of its system calls (system_calls.c) in turn.

Run in a process of its own with the shim loaded: `stopped_writer.py FOLDER`. Prints how often it
was stopped and every fault that was found, as JSON.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from lowtide.errors import UsageError
from lowtide.files import write_file, write_folder
from lowtide.files.listing import NAME
from lowtide.files.result import read_result

SHIM = ctypes.CDLL(None)
OLD = {"plan.json": b"old" * 9, "net.c": b"old net", "net_weights.bin": b"stale", "net.h": b"same"}
NEW = {
    "plan.json": b"new" * 9,
    "net.c": b"new net",
    "checks/reference.c": b"more",
    "net.h": b"same",
}
OTHER = {"net.onnx": b"tiles", "tiles.json": b"{}"}
MINE = {
    "model.onnx": b"the model", "notes.txt": b"years of work", "compressed.onnx": b"not lowtide's",
    "board": None, "board/link.ld": b"MEMORY {}", "board/net.c": b"my own",
}  # fmt: skip

DONE, REFUSED, KILLED = 0, 1, -9


def begin(work: Callable[[], object], at: int, error: int = 0) -> int:
    """Does the work in a child that is killed at call `at`, or that call fails with `error`."""
    child = os.fork()
    if child:
        return child
    code = 3
    try:
        SHIM.arm(at, error)
        work()
        code = DONE if SHIM.disarm() < at else 2  # a call failed and nothing came of it
    except UsageError:
        code = REFUSED
    finally:
        os._exit(code)


def end(child: int) -> int:
    """The exit code of a child."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wrong(out: Path, *whole: dict[str, bytes]) -> str:
    """What is wrong with a folder, once somebody has read it; '' where nothing is."""
    result = read_result(out)
    found = {
        str(path.relative_to(out)): None if path.is_dir() else path.read_bytes()
        for path in out.rglob("*")
    }
    if found.pop(NAME, None) is None:
        return "there is no list"
    if result.files not in whole or result.changed:
        return f"half a result: {sorted(result.files)}, changed {result.changed}"
    if any(name.startswith("checks/") for name in result.files):
        found.pop("checks", "it is not there")
    if found != {**result.files, **MINE}:
        return f"beside it {sorted(found.keys() ^ {*result.files, *MINE})}"
    return ""


def make(out: Path) -> None:
    """A folder with a result and the user's own files."""
    write_folder(out, OLD)
    (out / "board").mkdir()
    for name, content in MINE.items():
        if content is not None:
            (out / name).write_bytes(content)


def over_a_result(home: Path, error: int = 0, again: bool = False) -> dict[str, object]:
    """Stops at every call; with `again` also whoever comes next, to read or to write."""
    before, out = home / "before", home / "out"
    make(before)
    bad, seen, at, code = list[str](), dict[str, int](), 0, KILLED
    while code != DONE:
        at += 1
        shutil.copytree(before, out)
        inode = out.stat().st_ino
        code = end(begin(lambda: write_folder(out, NEW), at, error))
        if again:
            then = [lambda: read_result(out), lambda: write_folder(out, OTHER)][at % 2]
            end(begin(then, 1 + at * 7 % 60, error))
        fault = wrong(out, OLD, NEW, OTHER)
        if fault or code == 3 or out.stat().st_ino != inode:
            bad.append(f"call {at}, exit {code}: {fault}")
        now = "new" if (out / "checks/reference.c").exists() else "old"
        if code == DONE and now == "old" and not again:
            bad.append(f"call {at}: done, and nothing came of it")
        seen[now] = seen.get(now, 0) + 1
        shutil.rmtree(out)
    shutil.rmtree(before)
    return {"calls": at - 1, "seen": seen, "bad": bad}


def fresh(home: Path, error: int = 0) -> dict[str, object]:
    """The same where no folder is: killed, the next one finds nothing in its way; refused, nothing
    is left."""
    above, at, code, bad = home / "above", 0, KILLED, list[str]()
    out = above / "deep" / "out"
    while code != DONE:
        at += 1
        above.mkdir()
        code = end(begin(lambda: write_folder(out, NEW), at, error))
        held = list(out.iterdir()) if out.exists() else []
        if code == REFUSED and list(above.iterdir()) and not held:
            bad.append(f"call {at}: left {[p.name for p in above.iterdir()]}")
        if held and (files := read_result(out).files) not in ({}, NEW):
            bad.append(f"call {at}: {sorted(files)}")
        write_folder(out, OTHER)
        if {p.name for p in out.iterdir()} != {NAME, *OTHER}:
            bad.append(f"call {at}: {[p.name for p in out.iterdir()]}")
        shutil.rmtree(above)
    return {"calls": at - 1, "bad": bad}


def one_file(home: Path, error: int = 0) -> dict[str, object]:
    """A single file is the old or the new one at every call."""
    path, at, code, bad = home / "small.onnx", 0, KILLED, list[str]()
    while code != DONE:
        at += 1
        write_file(path, b"old")
        code = end(begin(lambda: write_file(path, b"new"), at, error))
        if (held := path.read_bytes()) != b"new" and (held != b"old" or code == DONE):
            bad.append(f"call {at}: {held!r}")
        if code == REFUSED and [one.name for one in home.iterdir()] != [path.name]:
            bad.append(f"call {at}: left {[one.name for one in home.iterdir()]}")
        if code == KILLED:
            shutil.rmtree(home)
            home.mkdir()
    path.unlink()
    return {"calls": at - 1, "bad": bad}


def at_once(home: Path, rounds: int = 6) -> dict[str, object]:
    """Three write to one folder at the same time, again and again; two of them may be killed."""
    out, dice, bad, codes = home / "out", random.Random(0), list[str](), set[int]()
    make(out)
    for one in range(rounds):
        at = [dice.randrange(1, 1500), dice.randrange(1, 1500), 10**6]
        each = [
            begin(lambda new=new: [write_folder(out, new) for _ in range(20)], k)
            for new, k in zip((OLD, NEW, OTHER), at, strict=True)
        ]
        ended = [end(child) for child in each]
        codes |= {*ended}
        fault = wrong(out, OLD, NEW, OTHER)
        if fault or ended[2] != DONE:
            bad.append(f"round {one}, exits {ended}: {fault}")
    shutil.rmtree(out)
    return {"codes": sorted(codes), "bad": bad}


if __name__ == "__main__":
    home = Path(sys.argv[1])
    full = errno.ENOSPC
    found = {
        "killed": over_a_result(home),
        "killed twice": over_a_result(home, again=True),
        "disk full": over_a_result(home, full),
        "disk full twice": over_a_result(home, full, again=True),
        "killed, fresh": fresh(home),
        "disk full, fresh": fresh(home, full),
        "killed, one file": one_file(home),
        "disk full, one file": one_file(home, full),
        "at once": at_once(home),
    }
    print(json.dumps(found, indent=1))
