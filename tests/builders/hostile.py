"""Names that a stranger's network may have, a network that has one everywhere, and what to look
for in what comes out."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CODE = (
    "int system(const char *); __attribute__((constructor)) static void e{n}(void) "
    '{{ if (system("id > PWNED")) return; }}'
)

NAMES = {
    "ends a comment": "*/ " + CODE.format(n=0) + " /*",
    "ends a comment once mended": "*\\ " + CODE.format(n=1) + " \\*",
    "ends a comment twice mended": "**//\\/ " + CODE.format(n=2) + " /\\*/*\\",
    "begins a comment": "/*",
    "begins a comment once mended": "/\\*",
    "newline": "a\n" + CODE.format(n=3),
    "carriage return": "a\r" + CODE.format(n=4),
    "joins lines": "ends with \\",
    "trigraph": "ends with ??/",
    "many trigraphs": "???/ ????/",
    "quotes": "\"'`",
    "markup": "</text><script>alert(1)</script>",
    "markup in an attribute": '" onload="alert(1)" x=\'',
    "entities": "&lt;&#60;]]><!--<![CDATA[",
    "title of the window": "\x1b]0;PWNED\x07",
    "clears the screen": "\x1b[2J\x1b[1;1H",
    "C1": "\x9b31m\x85",
    "backspaces": "good\b\b\b\bbad",
    "NUL": "a\x00b",
    "right to left": "\u202egnp.exe\u2066\u200f",
    "line separators": "a\u2028b\u2029c",
    "lone surrogate": "a\ufffeb\uffff",
    "keyword": "int",
    "macro": "NET_H",
    "function": "net_run",
    "array": "arena",
    "main": "main",
    "library": "printf",
    "format": "%n%s%s%s%n",
    "rich": "[red]x[/red][/]",
    "option": "--help",
    "blank": " ",
    "path": "../../../../etc/passwd",
    "shell": "$(id > PWNED);`id > PWNED`|id>PWNED",
    "beyond ASCII": "größe 大きさ",
    "1 MB": "x" * 1_000_000,
}


def network(name: str) -> onnx.ModelProto:
    """Conv -> LeakyRelu -> Conv, with the name in all nodes, tensors, the graph and its notes."""
    rng = np.random.default_rng(0)
    w, v = (
        numpy_helper.from_array(rng.normal(size=(4, c, 3, 3)).astype(np.float32), f"{name}{c}w")
        for c in (3, 4)
    )
    image, a, b, scores = (f"{name}{k}" for k in ("", "a", "b", "y"))
    nodes = [
        helper.make_node("Conv", [image, w.name], [a], name=name, doc_string=name),
        helper.make_node("LeakyRelu", [a], [b], name=f"{name}_r", alpha=0.1),
        helper.make_node("Conv", [b, v.name], [scores], name=f"{name}_c"),
    ]
    ends = [
        helper.make_tensor_value_info(image, TensorProto.FLOAT, [1, 3, 8, 8]),
        helper.make_tensor_value_info(scores, TensorProto.FLOAT, [1, 4, 4, 4]),
    ]
    graph = helper.make_graph(nodes, name, ends[:1], ends[1:], [w, v], doc_string=name)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=8, producer_name=name, doc_string=name
    )  # fmt: skip


def comments(c: str) -> list[str]:
    """The insides of the comments of a C text, which must end in nothing but a comment's end."""
    found = re.findall(r"/\*(.*?)\*/", c, re.DOTALL)
    assert not any("/*" in one for one in found)
    return found


def code(c: str) -> str:
    """A C text without its comments."""
    return re.sub(r"/\*.*?\*/", " ", c, flags=re.DOTALL)


def unclean(text: str) -> set[str]:
    """The characters that a terminal could take for an order, or that turn a line around."""
    held = {c for c in text if c != "\n"}
    return {c for c in held if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"}
