"""Networks that take turns in one arena: the placement of all, and turns in random order.

moments   face's  wake's           every network at moments of its own, one after the other
image     ###############          what is kept lives in all of them
state     ###############
others    # # ##   ## #            and shares no byte with anything
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np

from lowtide.check.child import run_child
from lowtide.check.compile import WARNINGS, Verdict, compile_program, find_compiler, native_flags
from lowtide.check.difference import check_near, compare
from lowtide.check.flags import SHIPS, SLOWER, Flags
from lowtide.check.numbers import Sample
from lowtide.check.placement import Rows, check_placement
from lowtide.check.trial import no_fault, pack, unpack
from lowtide.clock import Progress, quiet
from lowtide.errors import CheckError
from lowtide.ir.graph import Array
from lowtide.planner.memory_map import MemoryMap, StoredAt, addresses_of, lifetimes_of
from lowtide.planner.together import Kept, Shared

WAYS: tuple[tuple[bool, Flags], ...] = ((True, ("-O1", "-ffp-contract=off")), (False, SHIPS))
"""Whether the judge is in it, and the flags: turns are not many, compiling takes longer."""


def judge_shared(shared: Shared, memories: Sequence[MemoryMap]) -> None:
    """Raises CheckError if what must survive may be overwritten, or lies outside the arena."""
    ends = [max(map(_last_moment, memory.storages), default=0) for memory in memories]
    kept, turn = {(one.network, one.storage): one for one in shared.kept}, shared.turn_bytes
    rows, begins, last = dict[object, Rows](), 0, sum(ends) + len(ends)
    for memory, end in zip(memories, ends, strict=True):
        for storage in memory.storages:
            start, stop = lifetimes_of(storage)
            one, name = kept.get((memory.called, storage.name)), f"{memory.called}'s {storage.name}"
            at = addresses_of(storage)
            key: object = name
            if one is not None:
                _check_kept(one, storage, name)
                start, stop, key = np.zeros_like(start), np.full_like(stop, last), one.offset
            else:
                alive = start <= stop
                start, stop = np.where(alive, start + begins, 1), np.where(alive, stop + begins, 0)
            rows[key] = Rows(name, storage.cell_bytes, at, start, stop)
        begins += end + 1
    beyond = [row for key, row in rows.items() if isinstance(key, str) and _end(row) > turn]
    if beyond:
        raise CheckError(f"the shared arena is wrong: {beyond[0].name} lies beyond byte {turn}")
    faults = check_placement([*rows.values()], shared.arena_bytes, 1)
    if faults:
        raise CheckError(f"the shared arena is wrong: {faults[0]} ({len(faults)} faults)")


def _end(rows: Rows) -> int:
    """Behind the last byte that ever lives."""
    return int((rows.address + rows.row_bytes)[rows.start <= rows.stop].max(initial=0))


def _last_moment(storage: StoredAt) -> int:
    return int(lifetimes_of(storage)[1].max(initial=0))


def _check_kept(one: Kept, storage: StoredAt, name: str) -> None:
    """What is said to be kept is where the network has it, and all of it."""
    size = storage.elements * storage.element_bytes
    if (one.offset, one.bytes) != (storage.offset, size) or storage.row_offsets:
        raise CheckError(
            f"the shared arena is wrong: {name} is kept in {one.bytes} bytes at {one.offset}, "
            f"and lies in {size} at {storage.offset}"
        )


@dataclass(frozen=True)
class Guest:
    """A network of several in one arena: its plan, what it is to make of what, and its flags."""

    memory: MemoryMap
    samples: Sequence[Sample]
    flags: Flags = SHIPS


@dataclass(frozen=True)
class Turn:
    """A network's turn with a sample; `there`: inputs that are there still, by name.

    `given` are the bytes of inputs that are not the sample's.
    """

    network: int
    sample: Sample
    there: frozenset[str] = frozenset()
    given: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Turns:
    """Turns that were run, and found right: how many, and how many reads were checked in them."""

    count: int
    reads: int


def judge_turns(
    files: Mapping[str, bytes],
    shared: Shared,
    guests: Sequence[Guest],
    progress: Progress = quiet,
    ways: Sequence[tuple[bool, Flags]] = WAYS,
) -> Turns | None:
    """Runs the networks by turns in random order, with the judge and as they ship.

    Raises CheckError where a result is not what is expected, a read finds what it should not, or
    something is lost. None without a compiler.
    """
    compiler = find_compiler()
    if compiler is None:
        return None
    turns = [*draw(shared, guests)]
    reads = 0
    slow = [one for one in SLOWER if any(guest.flags == one for guest in guests)]
    for checked, fast in ways:
        flags = slow[-1] if slow and not checked else fast
        what = "every call" if checked else "as they ship"
        progress(f"checking {len(turns)} turns, {what}")
        with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
            command = [*compiler, *WARNINGS, *flags, *native_flags(tuple(compiler))]
            program = _build(files, shared, command, checked, Path(folder))
            wrote, seen = _run(program, shared, guests, turns)
            _compare(wrote, guests, turns, what)
            _check_handed_on(program, shared, guests)
            reads = max(reads, seen)
    return Turns(len(turns), reads)


def draw(shared: Shared, guests: Sequence[Guest], seed: int = 0) -> Iterator[Turn]:
    """Turns in random order: each network follows each, itself too, and runs all its samples."""
    dice = Random(seed)
    order = _each_after_each(len(guests), dice) + _each_after_each(len(guests), dice)
    order += [k for k, one in enumerate(guests) for _ in one.samples[order.count(k) :]]
    samples = [
        cycle(one.samples if one.memory.states else dice.sample([*one.samples], len(one.samples)))
        for one in guests
    ]
    held: dict[int, tuple[str, str]] = {}  # whose and which sample's input is there, by its bytes
    for k in order:
        called, sample = guests[k].memory.called, next(samples[k])
        own = [p for p in shared.kept if p.network == called]
        kept = {p.offset: p.port for p in own if p.way == "input"}
        there = [name for at, name in kept.items() if held.get(at) == (called, sample.name)]
        yield Turn(k, sample, frozenset(name for name in there if dice.random() < 0.7))
        held |= dict.fromkeys(kept, (called, sample.name))
        held |= {p.offset: (called, "") for p in own if p.way == "output"}


def _each_after_each(count: int, dice: Random) -> list[int]:
    """A walk along every ordered pair, once (Hierholzer)."""
    left = [dice.sample(range(count), count) for _ in range(count)]
    ahead, walk = [dice.randrange(count)], list[int]()
    while ahead:
        if left[ahead[-1]]:
            ahead.append(left[ahead[-1]].pop())
        else:
            walk.append(ahead.pop())
    return walk


def _build(
    files: Mapping[str, bytes],
    shared: Shared,
    command: Sequence[str],
    checked: bool,
    folder: Path,
) -> Path:
    """The program of turns."""
    judged = ["-DLOWTIDE_CHECKED"] if checked else []
    sources = [f"checks/{name}.c" if checked else f"{name}.c" for name in shared.networks]
    whole = [*command, *judged, "together.c", *sources]
    return compile_program(files, {}, "checks/together.c", folder, whole, "together")


def _run(
    program: Path, shared: Shared, guests: Sequence[Guest], turns: Sequence[Turn]
) -> tuple[bytes, int]:
    """What turns wrote, and how many reads were checked; raises CheckError for what went wrong."""
    done = run_child([str(program)], b"".join(_data(turn, guests) for turn in turns))
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-300:]
        raise CheckError(f"networks by turns stopped with status {done.returncode}: {said}")
    declared, lost, *judged = (
        tuple(int(word) for word in line.split()) for line in done.stderr.splitlines()
    )
    if declared != (shared.arena_bytes, shared.arena_align):
        raise CheckError(
            f"together.h: the arena has {declared[0]} bytes at a multiple of {declared[1]}, "
            f"plan.json says {shared.arena_bytes} at {shared.arena_align}"
        )
    for guest, counts in zip(guests, judged, strict=False):
        fault = (counts[2], counts[3], counts[4], counts[5], counts[6]) if counts[1] else None
        verdict = Verdict(b"", (), counts[0], counts[1], fault)
        no_fault(verdict, guest.memory, f"checks/{guest.memory.called}.c, by turns")
    if lost[0]:
        kept = list({one.offset: one for one in shared.kept}.values())[lost[1]]
        turn = guests[lost[3] - 1].memory.called
        raise CheckError(
            f"{kept.network}'s '{kept.port}' must survive, and was overwritten in turn {lost[2]}, "
            f"{turn}'s ({lost[0]} times)"
        )
    return done.stdout, sum(counts[0] for counts in judged)


def _check_handed_on(program: Path, shared: Shared, guests: Sequence[Guest]) -> None:
    """What one network makes is what another reads, where both are the same bytes.

    face: features    wake: they are there    wake: given them       both the same results
    """
    number = {guest.memory.called: k for k, guest in enumerate(guests)}
    for made, read in product(shared.kept, repeat=2):
        if (made.way, read.way, made.offset) != ("output", "input", read.offset):
            continue
        if made.network == read.network:  # a state
            continue
        maker, reader = number[made.network], number[read.network]
        first = Turn(maker, guests[maker].samples[0])
        wrote, _ = _run(program, shared, guests, [first])
        at, given = 0, b""
        for port in guests[maker].memory.outputs:
            given = wrote[at : at + port.bytes] if port.name == made.port else given
            at += port.bytes
        sample = guests[reader].samples[0]
        there = Turn(reader, sample, frozenset([read.port]))
        again = Turn(reader, sample, given={read.port: given})
        both = _run(program, shared, guests, [first, there, again])[0][at:]
        if both[: len(both) // 2] != both[len(both) // 2 :]:
            raise CheckError(
                f"{read.network}'s '{read.port}' is not what {made.network} made as '{made.port}'"
            )


def _data(turn: Turn, guests: Sequence[Guest]) -> bytes:
    """A turn as the program reads it."""
    guest = guests[turn.network]
    begins = guest.memory.states and turn.sample.name == guest.samples[0].name
    parts = [bytes([turn.network + (129 if begins else 1)])]
    for port in guests[turn.network].memory.inputs:
        anew = turn.given.get(port.name) or pack([port], turn.sample.inputs)
        parts.append(b"\0" if port.name in turn.there else b"\1" + anew)
    return b"".join(parts)


def _compare(data: bytes, guests: Sequence[Guest], turns: Sequence[Turn], what: str) -> None:
    """Raises CheckError where one of the rounds of a network's samples is not as expected."""
    found: list[dict[str, list[Sequence[Array]]]] = [{} for _ in guests]
    at = 0
    for turn in turns:
        memory = guests[turn.network].memory
        size = sum(port.bytes for port in memory.outputs)
        made = unpack(data[at : at + size], memory.outputs)
        found[turn.network].setdefault(turn.sample.name, []).append(made)
        at += size
    for guest, results in zip(guests, found, strict=True):
        for k in range(max(map(len, results.values()))):
            one = {name: made[min(k, len(made) - 1)] for name, made in results.items()}
            source = f"{guest.memory.called}.c by turns ({what})"
            check_near(compare(one, guest.samples), guest.samples, source)
