"""Raise a model to an opset that has the types its low-bit constants want."""

from __future__ import annotations

import onnx
from onnx import helper, version_converter

from lowtide.errors import UnsupportedModel

NEEDED = ((2, 25), (4, 21), (8, 13))
"""Bits and the first opset in which DequantizeLinear takes a type of so many (INT2, INT4, INT8 with
a scale for each row)."""


def lifted(model: onnx.ModelProto, least_bits: int) -> tuple[onnx.ModelProto, int]:
    """A copy in the first opset that has a type for codes of `least_bits`, and that opset.

    Codes of up to 2 bits want 25, of up to 4 bits 21. Where onnx cannot convert the model so far,
    the codes are held in wider types; raises UnsupportedModel where it cannot be brought to 13.
    """
    have = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    for bits, version in NEEDED:
        if least_bits > bits:
            continue
        if have >= version:
            break
        found = _converted(model, version)
        if found is not None:
            return found, version
    if have < NEEDED[-1][1]:
        raise UnsupportedModel(
            f"opset {have} has no constants of 8 bits, and onnx cannot convert it",
            hint=f"export it with opset {NEEDED[-1][1]} or later",
        )
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy, have


def _converted(model: onnx.ModelProto, version: int) -> onnx.ModelProto | None:
    try:
        found = version_converter.convert_version(model, version)
        onnx.checker.check_model(found)
    except Exception:  # the converter has gaps, and raises RuntimeError for each
        return None
    found.ir_version = helper.find_min_ir_version_for(list(found.opset_import))
    return found
