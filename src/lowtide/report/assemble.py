"""One page that needs nothing else: HTML, CSS and JavaScript from `html/`, and its data as JSON.

page.html is what every page has; a page called fit has fit.html, fit.css and, last, fit.js.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from lowtide.quoting import for_markup

_SHARED = ("shared.js", "rows.js")


def page_of(kind: str, scripts: Iterable[str], title: str, data: Mapping[str, Any]) -> str:
    """The page of `kind`, with `scripts` before its own; `title` is text from anywhere."""
    html = files(__package__) / "html"
    own = {
        "body": (html / f"{kind}.html").read_text(),
        "title": for_markup(title, 200),
        "style": (html / "page.css").read_text() + (html / f"{kind}.css").read_text(),
        "data": for_script(data),
        "script": "\n".join((html / n).read_text() for n in (*_SHARED, *scripts, f"{kind}.js")),
    }
    text = (html / "page.html").read_text()
    for name, value in own.items():
        text = filled(text, name, value)
    return text


def filled(text: str, name: str, value: str) -> str:
    """`text` with `value` in the place that is called so."""
    head, _, tail = text.partition(f"<!--{name}-->")
    return head + value + tail


def for_script(data: Mapping[str, Any]) -> str:
    """JSON in an element: no tag can begin in it, so none of its texts can end the element."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
