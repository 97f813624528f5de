"""What people see of a network that was made 8 bits."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.quoting import PATH_WIDTH, for_terminal
from lowtide.sizes import show_bytes

if TYPE_CHECKING:
    from lowtide.weights.eight import Quantised


def show_quantised(found: Quantised, rates: Mapping[str, Any], output: Path | None = None) -> str:
    """How far it is from the original, what it takes, and where it is if it was written."""
    lines = [
        for_terminal(found.original.words, 1000),
        *show_eight(found, rates, for_terminal(found.network.name, PATH_WIDTH)),
    ]
    if output is not None:
        named = (str(output), shlex.quote(str(output)))
        file, quoted = (for_terminal(one, PATH_WIDTH) for one in named)
        lines.append(
            f"  written        {file} ({show_bytes(found.model.ByteSize())}); next: "
            f"lowtide fit {quoted} -o out --io-type 8bit"
        )
    return "\n".join(lines)


def show_eight(found: Quantised, rates: Mapping[str, Any], name: str) -> list[str]:
    """Before and after."""
    facts = found.facts()
    dense, own = facts["dense_bytes"], facts["bytes"]
    others = [f"{how} {loss:.1e}" for how, loss in found.losses.items() if how != found.method]
    lines = [
        f"{name}: {show_bytes(dense)} -> {show_bytes(own)} of constants, "
        f"{found.operators - len(found.left)} of {found.operators} operators at 8 bits",
        f"  ranges         by {found.method}: its outputs are nearest to the original's on the "
        f"calibration, {found.losses[found.method]:.1e} where 0 is equal ({', '.join(others)})",
    ]
    if found.left:
        some = ", ".join(map(for_terminal, found.left[:5]))
        lines.append(f"  floats stay    {some}{', ..' if len(found.left) > 5 else ''}")
    if "accuracy" in rates:
        lines.append(
            f"  accuracy       {100 * rates['accuracy_dense']:.2f} % -> "
            f"{100 * rates['accuracy']:.2f} % of {rates['test_pictures']} pictures"
        )
    return lines
