"""What a notebook shows of a result: small tables, and pictures as they are in the folder.

Names stand in files that anybody may have made, so everything is escaped; nothing needs a script,
and colours are the page's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lowtide.quoting import for_markup

_CELL = "padding:.15em .8em;border-bottom:1px solid rgba(128,128,128,.35);white-space:nowrap"


def section(title: str, *parts: str) -> str:
    """A title and what is below it."""
    head = f'<div style="font-weight:600;margin:.3em 0">{for_markup(title, 200)}</div>'
    return f'<div class="lowtide-result">{head}{"".join(parts)}</div>'


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = (), left: int = 1) -> str:
    """Cells of words, the first `left` columns of each row to the left."""
    lines = [_row(head, left, "th")] if head else []
    lines += [_row(row, left, "td") for row in rows]
    return f'<table style="border-collapse:collapse;margin:.3em 0">{"".join(lines)}</table>'


def picture(svg: str) -> str:
    """A picture of ours, which is not wider than the page."""
    return svg.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)


def _row(cells: Sequence[str], left: int, tag: str) -> str:
    shown = (
        f'<{tag} style="{_CELL};text-align:{"left" if k < left else "right"}">'
        f"{for_markup(cell, 200)}</{tag}>"
        for k, cell in enumerate(cells)
    )
    return f"<tr>{''.join(shown)}</tr>"
