"""What people see of a compressed network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.quoting import PATH_WIDTH, for_terminal
from lowtide.sizes import show_bytes

if TYPE_CHECKING:
    from lowtide.weights.compressed import Compressed


def show_compressed(
    found: Compressed, rates: Mapping[str, Any], model: str | Path, output: Path | None = None
) -> str:
    """A table of the layers and the whole, and the file if one was written."""
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
    if output is not None:
        file = for_terminal(str(output), PATH_WIDTH)
        lines.append(f"  written        {file} ({show_bytes(found.model.ByteSize())})")
    return "\n".join(lines)
