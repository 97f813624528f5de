"""The operators that can be planned, as their entries have them."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

import onnx.defs

from lowtide.frontends.onnx.eight.group import grouped_operators
from lowtide.frontends.onnx.load import NEWEST_OPSET, OLDEST_OPSET
from lowtide.frontends.onnx.qlinear import FORMS
from lowtide.frontends.onnx.simplify.drop_identities import IDENTITIES
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
    lines = [f"Operators of ONNX, opset {first} to {last}, with the attributes understood:", ""]
    for name, entry in facts["operators"].items():
        lines.append(f"  {name:<{width}}  {', '.join(entry['attributes'])}".rstrip())
    dropped = ", ".join(facts["dropped_without_effect"])
    return "\n".join(
        [
            *lines,
            "",
            "Whatever does not depend on the network's input is computed once, with any operator.",
            f"Dropped where they change nothing: {dropped}.",
            *_listed("8-bit numbers between DequantizeLinear and QuantizeLinear", "qdq_operators"),
            *_listed("Operators that have those in them", "qlinear_operators"),
            *_listed("Operators of .tflite files (int8, uint8, float32)", "tflite_operators"),
        ]
    )


def _listed(what: str, key: str) -> list[str]:
    names = ", ".join(operators_facts()[key])
    return ["", f"{what}:", "", *wrap(names, 88, initial_indent="  ", subsequent_indent="  ")]
