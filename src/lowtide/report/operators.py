"""The operators that can be planned, as their entries have them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import onnx.defs

from lowtide.frontends.onnx.eight.group import grouped_operators
from lowtide.frontends.onnx.load import NEWEST_OPSET, OLDEST_OPSET
from lowtide.frontends.onnx.qlinear import FORMS
from lowtide.frontends.onnx.simplify.drop_identities import IDENTITIES
from lowtide.frontends.onnx.simplify.inline_definitions import written_out
from lowtide.frontends.onnx.simplify.recurrent import GATES
from lowtide.frontends.tflite.load import tflite_operators
from lowtide.ops import ENTRIES


def operators_facts() -> dict[str, Any]:
    """Each operator with its attributes and the inputs that must be constants.

    A parameter that was an attribute in older opsets and is an input in newer ones is both.
    """
    return {
        "opsets": [OLDEST_OPSET, NEWEST_OPSET],
        "operators": {
            name: {
                "attributes": sorted({*entry.attributes, *entry.parameters}),
                "constant_inputs": dict(sorted(entry.parameters.items(), key=lambda p: p[1])),
                "types": [str(one) for one in entry.types],
            }
            for name, entry in sorted(ENTRIES.items())
            if onnx.defs.has(name, "")  # a copy, say, is lowtide's own
        },
        "step_by_step": sorted(GATES),
        "written_out": written_out(NEWEST_OPSET),
        "dropped_without_effect": sorted(IDENTITIES),
        "tflite_operators": tflite_operators(),
        "qdq_operators": [name for name in grouped_operators() if onnx.defs.has(name, "")],
        "qlinear_operators": sorted(FORMS),
    }


def operators_text() -> str:
    """The same for people, a line each."""
    facts = operators_facts()
    first, last = facts["opsets"]
    width = max(map(len, facts["operators"]))
    lines = [f"Operators of ONNX files, opset {first} to {last}, each with its attributes:", ""]
    for name, entry in facts["operators"].items():
        lines += _listed(f"  {name:<{width}}  ", entry["attributes"], " " * (width + 4))
    told = (
        ("Written out step by step, up to 256 steps", "step_by_step"),
        ("Written out as ONNX defines them, by operators that are above", "written_out"),
        ("Left out where they change nothing", "dropped_without_effect"),
        ("In 8 bits, between DequantizeLinear and QuantizeLinear (all others in float32)",
         "qdq_operators"),
        ("In 8 bits, with both of those in them", "qlinear_operators"),
        ("Operators of .tflite files (int8, uint8, float32)", "tflite_operators"),
    )  # fmt: skip
    for what, key in told:
        lines += ["", f"{what}:", "", *_listed("  ", facts[key])]
    whole = "Whatever does not depend on the network's input is computed once, with any operator."
    return "\n".join([*lines, "", whole])


def _listed(head: str, names: Sequence[str], indent: str = "  ") -> list[str]:
    """Names as lines; a head without names is one too."""
    text = ", ".join(names)
    return wrap(text, 100, initial_indent=head, subsequent_indent=indent) or [head.rstrip()]
