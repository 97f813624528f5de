"""A timed program as text: who took how long, and where time goes beside where memory goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lowtide.kernels.cpus import PORTABLE, same_c, this_machine
from lowtide.planner.memory_map import MemoryMap
from lowtide.quoting import for_terminal
from lowtide.report.profile_text import kib
from lowtide.report.short_names import short_names
from lowtide.sizes import show_bytes
from lowtide.timing.pairs import Spread

if TYPE_CHECKING:
    from lowtide.timing.result import Benched, OperatorTime, Timed

_BAR = 8
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MARK = "▶"


def bench_text(benched: Benched) -> str:
    """The times as lines, and the operators, those that take most first, if they were timed.

    lowtide       95.21 ms   94.80 .. 96.02     38.1   34 %   47.0 MiB
    """
    lines = [*_head(benched), "", *_times(benched), "", *_notes(benched)]
    if benched.operators:
        lines += ["", *_operators(benched)]
    return "\n".join(line.rstrip() for line in lines)


def _head(benched: Benched) -> Iterator[str]:
    arena = benched.memory.arena_bytes
    yield (
        f"{for_terminal(benched.memory.file)}: {benched.macs / 1e6:.2f} M multiply-adds, "
        f"arena {arena} B ({show_bytes(arena)})"
    )


def _times(benched: Benched) -> Iterator[str]:
    timed = [benched.ours, *([benched.other] if benched.other else [])]
    unit = _unit(max(one.seconds.median for one in timed))
    rows: list[tuple[str, ...]] = [
        ("", f"median {unit[1]}", "quartiles", _per_second(benched), "of peak", "peak RSS")
    ]
    rows += [_time(benched, one, unit) for one in timed]
    if benched.ratio:
        ratio = benched.ratio
        rows.append(("ratio", f"{ratio.median:.3f}", _range(ratio, 1, 3), "", "", ""))
    yield from table(rows, left=1)


def _time(benched: Benched, one: Timed, unit: tuple[float, str, int]) -> tuple[str, ...]:
    factor, _, digits = unit
    share = benched.of_peak(benched.macs, one.seconds.median)
    return (
        f"{one.name} {one.version}".strip(),
        f"{factor * one.seconds.median:.{digits}f}",
        _range(one.seconds, factor, digits),
        f"{2e-9 * benched.macs / one.seconds.median:.1f}",
        f"{100 * share:.0f} %" if share is not None else "-",
        show_bytes(one.peak_rss_bytes) if one.peak_rss_bytes is not None else "-",
    )


def _per_second(benched: Benched) -> str:
    """Two operations a multiply-add."""
    return "GFLOP/s" if benched.in_floats else "GOP/s"


def _unit(seconds: float) -> tuple[float, str, int]:
    """What to multiply seconds with, the unit that gives, and how many digits to show of it."""
    if seconds >= 1:
        return 1, "s", 3
    if seconds >= 1e-3:
        return 1e3, "ms", 2 if seconds >= 1e-2 else 3
    return 1e6, "us", 1


def _range(values: Spread, factor: float, digits: int) -> str:
    return f"{factor * values.low:.{digits}f} .. {factor * values.high:.{digits}f}"


def _notes(benched: Benched) -> Iterator[str]:
    """How the numbers came about."""
    core = "one core" if benched.core is None else f"core {benched.core}"
    of = benched.machine["processor"]
    ours, other = benched.ours, benched.other
    if other:
        pairs = f"median of {benched.rounds} pairs of runs in turns"
        yield f"  ratio      lowtide / {other.name}, {pairs}"
    yield f"  times      of the processor, one thread on {core} of {of}"
    shared = 1 - ours.seconds.median / ours.wall.median
    if shared > 0.02:
        yield f"             (other processes had {100 * shared:.0f} % of that core meanwhile)"
    if benched.peak and benched.in_floats:
        yield (
            f"  peak       {2e-9 * benched.peak:.1f} GFLOP/s, multiply-adds in registers, between "
            "the runs"
        )
    if other and other.idle_rss_bytes is not None:
        yield (
            f"  peak RSS   of each process; {other.name}'s had {show_bytes(other.idle_rss_bytes)} "
            "before the network"
        )
    yield from made_for(benched.memory, this_machine())
    yield f"  built      {benched.built}"


def made_for(memory: MemoryMap, cpu: str | None) -> Iterator[str]:
    """A line where the C was made for a processor, and is not all that there is for this one."""
    asked = memory.made_for
    if cpu is not None and asked not in (None, PORTABLE) and not same_c(str(asked), cpu):
        yield (
            f"  made for   {for_terminal(str(asked))}, and run on {cpu}: fit with --cpu {cpu} for "
            "all kernels that there are"
        )


def _operators(benched: Benched) -> Iterator[str]:
    """Operators by time, beside the memory of each; ▶ where the arena is fullest."""
    timed = sorted((o for o in benched.operators if o.seconds is not None), key=_by_time)
    total = sum(o.seconds or 0.0 for o in timed) or 1.0
    most = max((o.seconds or 0.0 for o in timed), default=0.0) or 1.0
    full = max((o.live_bytes for o in benched.operators), default=0)
    factor, unit, digits = _unit(most)
    rows: list[tuple[str, ...]] = [
        (
            "",
            "operator",
            "type",
            unit,
            "",
            "%",
            _per_second(benched),
            "weights",
            "rows KiB",
            "live KiB",
        )
    ]
    names = short_names([one.name for one in timed], 20, [one.type for one in timed])
    for name, one in zip(names, timed, strict=True):
        seconds = one.seconds or 0.0
        rate = f"{2e-9 * one.macs / seconds:.1f}" if one.macs and seconds else "-"
        weights = show_bytes(one.weight_bytes) if one.weight_bytes else "-"
        rows.append(
            (
                _MARK if one.live_bytes == full else "", name,
                for_terminal(one.type, 14), f"{factor * seconds:.{digits}f}", bar(seconds / most),
                f"{100 * seconds / total:.1f}", rate, weights, kib(one.own_bytes),
                kib(one.live_bytes),
            )
        )  # fmt: skip
    yield from (line[2:] for line in table(rows, left=3, bars=(4,)))
    yield ""
    yield "  rows: the most that the output takes at a time; live: the arena in use meanwhile"
    yield f"  {_MARK} where the most of the arena is in use"


def _by_time(one: OperatorTime) -> float:
    return -(one.seconds or 0.0)


def bar(share: float) -> str:
    """A bar of eighths of characters; what is not nothing shows."""
    eighths = max(round(8 * _BAR * share), 1 if share else 0)
    full, rest = divmod(eighths, 8)
    return "█" * full + _EIGHTHS[rest].strip()


def table(rows: Sequence[tuple[str, ...]], left: int, bars: Sequence[int] = ()) -> Iterator[str]:
    """Rows as lines; the first `left` columns and bars are flush left."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            text.ljust(width) if k < left or k in bars else text.rjust(width)
            for k, (text, width) in enumerate(zip(row, wide, strict=True))
        ]
        yield "  " + "  ".join(cells)
