"""What people see of a fit whose weights are stored small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lowtide.pipeline.fit_flash import FittedSmall
from lowtide.pipeline.fit_text import show_fit
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.sizes import parse_bytes, show_bytes


def show_small(
    found: FittedSmall,
    flash: str,
    rates: Mapping[str, Any],
    labels: Sequence[str] | None,
) -> str:
    """Both memories, the work and, where known, the accuracy, before and after; then the fit."""
    shown = show_fit(found.fitted, labels)
    made, plan, dense = found.compressed, found.fitted.plan, found.dense
    room = f"{show_bytes(found.flash_bytes)} of {show_bytes(parse_bytes(flash))} of flash"
    if made is None:
        return f"{shown}\n  exact          {room} with the weights as they are"
    before, after = dense.profile, plan.profile
    lines = [
        shown,
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
    return "\n".join(lines)


def _pair(before: int, after: int) -> str:
    return f"{show_bytes(before)} -> {show_bytes(after)}"
