"""Einsum: sums of products, by the letters of an equation."""

from __future__ import annotations

import re

from lowtide.ir.index import Index, Var, index_of, number
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, Load, Number, call, together
from lowtide.ops.entry import Bound, entry

_ELLIPSIS = "ABCDEFGH"
"""Letters that stand for the axes of an ellipsis, the last for the last."""


@entry("Einsum", attributes={"equation": None}, order="row_major")
def einsum(op: Bound) -> Nest:
    """ "bhid,bhjd->bhij": out[b,h,i,j] = sum over d of x[b,h,i,d] * y[b,h,j,d]"""
    terms, result = _terms(op)
    axes = axes_of(op.out)
    place: dict[str, Index] = dict(zip(result, axes, strict=True))
    extents = _extents(op, terms)
    loops = []
    for letter in dict.fromkeys("".join(terms)):
        if letter not in place:
            loops.append(Var(f"r{letter}", extents[letter]))
            place[letter] = index_of(loops[-1])
    reads = tuple(
        Read(
            k,
            tuple(
                _at(place[letter], extent) for letter, extent in zip(term, op.shape(k), strict=True)
            ),
        )
        for k, term in enumerate(terms)
    )
    product = together("mul", [Load(k) for k in range(len(terms))])
    if not loops:
        return Nest(op.out, axes, reads, (), product)
    total = Reduction(tuple(loops), Number(0.0), call("add", Acc(0), product))
    return Nest(op.out, axes, reads, (total,), Acc(0))


def _at(place: Index, extent: int) -> Index:
    return number(0) if extent == 1 else place


def _terms(op: Bound) -> tuple[list[str], str]:
    """The letters of each operand and of the result; ellipses written out in capitals."""
    equation = str(op.attribute("equation")).replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(op.inputs) or not re.fullmatch(r"[a-z.,]*(->[a-z.]*)?", equation):
        raise op.refuse(f"equation '{equation}' with {len(op.inputs)} operands is not supported")
    spread = [len(op.shape(k)) - len(t.replace("...", "")) for k, t in enumerate(terms)]
    widest = max((n for n, t in zip(spread, terms, strict=True) if "..." in t), default=0)
    if widest > len(_ELLIPSIS):
        raise op.refuse(f"an ellipsis of {widest} axes")
    capitals = _ELLIPSIS[:widest]
    if not arrow:
        single = sorted(c for c in set(left) - set(".,") if left.count(c) == 1)
        right = ("..." if "..." in left else "") + "".join(single)
    written = [t.replace("...", capitals[widest - n :]) for t, n in zip(terms, spread, strict=True)]
    return written, right.replace("...", capitals)


def _extents(op: Bound, terms: list[str]) -> dict[str, int]:
    """How far each letter goes; an ellipsis broadcasts."""
    extents: dict[str, int] = {}
    for k, term in enumerate(terms):
        if len(term) != len(op.shape(k)):
            raise op.refuse(f"'{term}' for an operand of {len(op.shape(k))} axes")
        for letter, extent in zip(term, op.shape(k), strict=True):
            extents[letter] = max(extent, extents.get(letter, 1))
    return extents
