"""Is a placement of buffers sound? Every piece is compared with every other.

This shares no code with the placers, nor with what tells them which addresses are forbidden.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowtide.minimalloc.buffers import Buffer


def check_buffers(buffers: Sequence[Buffer], offsets: Sequence[int], arena: int) -> list[str]:
    """What is wrong, one line a fault; nothing if no two live bytes share an address."""
    faults = []
    for buffer, offset in zip(buffers, offsets, strict=True):
        if offset < 0 or offset + buffer.size > arena:
            faults.append(f"'{buffer.name}' at {offset} is outside the arena of {arena} bytes")
        if offset % buffer.alignment:
            faults.append(f"'{buffer.name}' at {offset} is not aligned to {buffer.alignment}")
    rows = [
        (k, start, stop, offset + first, offset + end)
        for k, (buffer, offset) in enumerate(zip(buffers, offsets, strict=True))
        for start, stop, first, end in buffer.pieces()
    ]
    owner, start, stop, first, end = np.array(rows, np.int64).reshape(-1, 5).T
    for k, *box in rows:
        clash = (owner > k) & (start < box[1]) & (box[0] < stop)
        clash &= (first < box[3]) & (box[2] < end)
        faults += [
            f"'{buffers[k].name}' and '{buffers[owner[n]].name}' share byte "
            f"{max(box[2], first[n])} at time {max(box[0], start[n])}"
            for n in np.flatnonzero(clash)[:1]
        ]
    return faults
