"""What people see of a compressed network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lowtide.pipeline.fit_flash import FittedSmall
from lowtide.pipeline.fit_text import show_fit
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.quoting import PATH_WIDTH, for_terminal
from lowtide.sizes import parse_bytes, show_bytes
from lowtide.weights.compress import Compressed


def show_compressed(found: Compressed, rates: Mapping[str, Any], model: Path, output: Path) -> str:
    """A table of the layers and the whole."""
    names = [for_terminal(row.name) for row in found.rows]
    width = max(map(len, names))
    kind = max(len(row.stored) for row in found.rows)
    lines = [
        f"{name:<{width}}  {'x'.join(map(str, row.shape)):>14}  {row.stored:<{kind}}  "
        f"{row.bytes:>9,} B  {row.dense_bytes / row.bytes:5.1f}x  "
        f"{row.macs / max(row.dense_macs, 1):5.2f} of the multiply-adds  error {row.error:.4f}"
        for name, row in zip(names, found.rows, strict=True)
    ]
    lines.insert(0, for_terminal(found.original.words, 1000))
    kept, dense = found.network.kept_bytes, found.dense_bytes
    lines += [
        f"{for_terminal(str(model), PATH_WIDTH)}: {show_bytes(dense)} -> {show_bytes(found.bytes)} "
        f"({found.bytes:,} B, {found.factor:.2f} times less; {kept:,} B of biases and other "
        "float32)",
        f"  multiply-adds  {found.dense_macs / 1e6:.2f} M -> {found.macs / 1e6:.2f} M",
        f"  outputs        {found.loss:.4f} from the dense network's on "
        + (f"{found.pictures} pictures" if found.pictures else "noise: nothing was calibrated"),
    ]
    if "accuracy" in rates:
        lines.append(
            f"  accuracy       {100 * rates['accuracy_dense']:.2f} % -> "
            f"{100 * rates['accuracy']:.2f} % of {rates['test_pictures']} pictures"
        )
    if rates.get("validation_accuracy") is not None:
        lines.append(
            f"  validation     {100 * rates['validation_dense']:.2f} % dense, "
            f"{100 * rates['validation_untrained']:.2f} % before training, "
            f"{100 * rates['validation_accuracy']:.2f} % after {rates['steps']} steps"
        )
    file = for_terminal(str(output), PATH_WIDTH)
    lines.append(f"  written        {file} ({show_bytes(found.model.ByteSize())})")
    return "\n".join(lines)


def show_small(
    found: FittedSmall,
    flash: str,
    rates: Mapping[str, Any],
    output: Path | None,
    labels: Sequence[str],
) -> str:
    """Both memories, the work and, where known, the accuracy, before and after; then the fit."""
    shown = show_fit(found.fitted, output, labels, found.files)
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
        f"    outputs        {made.loss:.4f} from the dense network's on "
        + (f"{made.pictures} pictures" if made.pictures else "noise: nothing was calibrated"),
    ]
    if "accuracy" in rates:
        lines.append(
            f"    accuracy       {100 * rates['accuracy_dense']:.2f} % -> "
            f"{100 * rates['accuracy']:.2f} % of {rates['test_pictures']} pictures"
        )
    return "\n".join(lines)


def _pair(before: int, after: int) -> str:
    return f"{show_bytes(before)} -> {show_bytes(after)}"
