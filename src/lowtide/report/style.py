"""The look that all pictures share."""

from __future__ import annotations

_SHARED = """\
text{font:11px ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#24292f}
.title{font-size:19px;font-weight:600}
.head{font-size:13.5px;font-weight:600}
.bold{font-weight:600}
.grey{fill:#6a737d}
.end{text-anchor:end}
.mid{text-anchor:middle}
.grid{stroke:#e4e2dc}
.axis{stroke:#8b949e;fill:none}"""


def style(picture: str, own: str) -> str:
    """The shared rules and a picture's own, a line each, for the inside of that class only.

    A page may hold several pictures, or words of its own.
    """
    rules = [*_SHARED.splitlines(), *own.splitlines()]
    return "\n".join(f".{picture} {rule}" for rule in rules)
