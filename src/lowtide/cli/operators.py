"""`lowtide operators`."""

from __future__ import annotations

from lowtide.cli.options import Json
from lowtide.cli.output import show


def operators(as_json: Json = False) -> None:
    """The ONNX operators and attributes that are understood."""
    from lowtide.report.operators import operators_facts, operators_text

    show(operators_facts() if as_json else operators_text())
