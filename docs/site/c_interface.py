"""The C interface as a page: headers as they are emitted, and their examples of a caller."""

from __future__ import annotations

from json_keys import PROMISED
from onnx import parser

import lowtide
from lowtide.backends import emit

NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
face (float[1,2,6,6] image) => (float[1,3,6,6] scores)
<float[3,2,1,1] w = {1, 2, 3, 4, 5, 6}> { a = Conv(image, w) scores = Tanh(a) }"""
KINDS = {
    "Inputs and outputs in the arena": lowtide.Options(name="face"),
    "Row by row: --image streamed, --result streamed": lowtide.Options(
        name="face", image="streamed", result="streamed"
    ),
}
HEAD = """\
# The C interface

What `fit` writes for a caller, here of a small network and `--name face`; without `--name` it is
`net`. Nothing of it is renamed in a later version ([the rules](../stability.md)).

Macros that the program looks at when it is compiled:
"""


def c_interface() -> str:
    asked = {name for kind, held in PROMISED["c"].items() if "asked" in kind for name in held}
    macros = ", ".join(f"`{name}`" for name in sorted(asked)) + ".\n"
    return "\n".join([HEAD, macros, *(section(*one) for one in KINDS.items())])


def section(title: str, options: lowtide.Options) -> str:
    files = emit(lowtide.profile(parser.parse_model(NETWORK), options=options))
    shown = {name: files[name].decode() for name in ("face.h", "main.c")}
    return f"## {title}\n" + "".join(f"\n```c\n{text}```\n" for text in shown.values())
