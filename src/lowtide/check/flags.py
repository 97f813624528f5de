"""How a program is compiled to ship: net.h says it, and the checks are of that.

    cc -std=c99 -O3 -ffp-contract=fast -I$OUT -c $OUT/net.c

Where a compiler gets that wrong, the flags are others, and net.h says which are not to be used.
"""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.quoting import for_c

Flags = tuple[str, ...]

SHIPS: Flags = ("-O3", "-ffp-contract=fast")

SLOWER: tuple[Flags, ...] = (
    ("-O3", "-fno-tree-vectorize", "-ffp-contract=fast"),
    ("-O2", "-ffp-contract=fast"),
)
"""What ships instead, the fastest first: kernels have vectors of their own."""


def named(header: bytes) -> Flags:
    """The flags that a net.h names; only such as lowtide writes there."""
    text = header.decode(errors="replace")
    return next((flags for flags in SLOWER if _line(flags) in text), SHIPS)


def renamed(header: bytes, flags: Flags, failed: Sequence[str], compiler: str) -> bytes:
    """A net.h that names other flags, and those that are wrong with a compiler."""
    text, line = header.decode(), _line(SHIPS)
    *_, last = (one for one in text.splitlines() if line in one)
    warned = [f"   Not {for_c(one)}: wrong with {for_c(compiler)}." for one in failed]
    after = "\n".join([last, *warned])
    return text.replace(last, after).replace(line, _line(flags)).encode()


def _line(flags: Flags) -> str:
    return f"-std=c99 {' '.join(flags)} -"
