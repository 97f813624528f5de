"""How a region is put together of the pieces that there are."""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.regions.region import Region, meet, with_span


def strips(region: Region, pieces: Sequence[Region]) -> tuple[int, list[Region]]:
    """Cuts a region along one axis, at pieces' ends, into strips that can be made one by one.

    [---a---][--b--]     a strip of each         [-a-][-b-]     two strips, each to be joined
                                                 [-c-][-d-]     along the other axis itself
    """
    parts = [part for piece in pieces if (part := meet(piece, region))]
    for axis in range(len(region)):
        found = _swept(region, axis, parts)
        if len(found) > 1:
            return axis, found
    raise AssertionError(f"{region} is not in the pieces {pieces}")


def _swept(
    region: Region, axis: int, parts: Sequence[Region], done: tuple[int, ...] = ()
) -> list[Region]:
    """Strips that follow one another along the axis and fill the region; none if they cannot.

    The longest parts that reach across come first, so that as few as possible are joined.
    """
    at, end = region[axis]
    found: list[Region] = []
    while at < end:
        here = [part for part in parts if part[axis][0] <= at < part[axis][1]]
        across = [p[axis][1] for p in here if with_span(p, axis, region[axis]) == region]
        if not here:
            return []
        until = max(across) if across else min(p[axis][1] for p in here)
        strip = with_span(region, axis, (at, until))
        if not across and not _fills(strip, here, (*done, axis)):
            return []
        found.append(strip)
        at = strip[axis][1]
    return found


def _fills(strip: Region, parts: Sequence[Region], done: tuple[int, ...]) -> bool:
    """Whether a strip can be joined along one of the axes that are not `done`."""
    inner = [part for p in parts if (part := meet(p, strip))]
    rest = (axis for axis in range(len(strip)) if axis not in done)
    return any(_swept(strip, axis, inner, done) for axis in rest)
