"""What people see of a fit whose weights are stored small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lowtide.planner.weight_traffic import weight_traffic
from lowtide.sizes import show_both, show_bytes

if TYPE_CHECKING:
    from lowtide.pipeline.fit_flash import FittedSmall


def stored_lines(found: FittedSmall) -> list[str]:
    """Both memories, the work and, where known, the accuracy, before and after."""
    made, plan, dense, rates = found.compressed, found.plan, found.dense, found.rates
    taken = found.flash_bytes or plan.profile.weight_bytes
    room = f"{' of '.join(show_both(taken, found.flash))} of flash"
    if made is None:
        return [f"  exact          {room} with the weights as they are"]
    before, after = dense.profile, plan.profile
    lines = [
        f"  stored small   {room}; before and after:",
        f"    arena          {_pair(dense.arena_bytes, plan.arena_bytes)}",
        f"    weights        {_pair(before.weight_bytes, after.weight_bytes)}, "
        f"{before.weight_bytes / after.weight_bytes:.2f} times less",
        f"    weights read   {_pair(weight_traffic(dense), weight_traffic(plan))} a run",
        f"    multiply-adds  {before.macs / 1e6:.2f} M -> {after.macs / 1e6:.2f} M",
    ]
    if "accuracy" in rates:
        lines.append(
            f"    accuracy       {100 * rates['accuracy_dense']:.2f} % -> "
            f"{100 * rates['accuracy']:.2f} % of {rates['test_pictures']} pictures"
        )
    return lines


def _pair(before: int, after: int) -> str:
    return f"{show_bytes(before)} -> {show_bytes(after)}"
