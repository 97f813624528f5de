"""`lowtide fit --target onnx`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.cli.output import Out
from lowtide.cli.progress import StageLine

if TYPE_CHECKING:
    from lowtide.data.samples import SampleFiles
    from lowtide.ir.graph import Shape


def fit_tiles(
    model: Path,
    out: Out,
    budget: str | None,
    tiles: int | None,
    max_overhead: float | None,
    pictures: SampleFiles,
    shapes: Mapping[str, Shape],
    max_elements: int,
    as_json: bool,
    line: StageLine,
) -> Mapping[str, Any] | str:
    """What it does: writes the folder, returns what is printed."""
    from lowtide.pipeline.fit_onnx import MAX_OVERHEAD, TILES, fit_portable

    with line as progress:
        fitted = fit_portable(
            model,
            budget=budget,
            tiles=TILES if tiles is None else tiles,
            max_overhead=MAX_OVERHEAD if max_overhead is None else max_overhead,
            samples=pictures.read,
            shapes=shapes,
            max_elements=max_elements,
            progress=progress,
        )
        written = out.write(fitted.files)
    return out.said(fitted.facts() if as_json else str(fitted), written)
