"""onnxruntime, imported here and nowhere else in lowtide.

Its Linux wheels hold a client that speaks to Microsoft unless ORT_DISABLE_TELEMETRY is set before
they are loaded; `lowtide/__init__.py`, which runs before this does, sets it.
"""

from __future__ import annotations

from typing import Any

import onnxruntime

if hasattr(onnxruntime, "disable_telemetry_events"):
    # Where a program has loaded onnxruntime before lowtide, this is all that is left to do.
    onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime", "quantisation"]


def quantisation() -> Any:
    """onnxruntime's own quantiser, which few need."""
    from onnxruntime import quantization

    return quantization
