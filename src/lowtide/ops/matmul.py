"""Matrix products."""

from __future__ import annotations

from lowtide.errors import EXPORT
from lowtide.ir.index import Var, index_of
from lowtide.ir.nest import Nest, Read, Reduction, axes_of, broadcast
from lowtide.ir.value import Acc, Load, Number, Value, call
from lowtide.ops.entry import Bound, entry


def _product(op: Bound, a: Read, b: Read, inner: Var) -> Nest:
    update = call("add", Acc(0), call("mul", Load(0), Load(1)))
    reduction = Reduction((inner,), Number(0.0), update)
    return Nest(op.out, axes_of(op.out), (a, b), (reduction,), Acc(0))


@entry("Gemm", attributes={"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}, order="row_major")
def gemm(op: Bound) -> Nest:
    """alpha * A @ B + beta * C, A and B transposed on demand."""
    row, column = axes_of(op.out)
    across, length = op.attribute("transA"), op.shape(1)[1 if op.attribute("transB") else 0]
    inner = Var("i", op.shape(0)[0 if across else 1])
    if inner.extent != length:
        raise op.refuse(
            f"rows of {inner.extent} on the left, columns of {length} on the right", EXPORT
        )
    i = index_of(inner)
    a = Read(0, (i, row) if across else (row, i))
    b = Read(1, (column, i) if op.attribute("transB") else (i, column))
    nest = _product(op, a, b, inner)
    finish: Value = Acc(0)
    if op.attribute("alpha") != 1.0:
        finish = call("mul", finish, float(op.attribute("alpha")))
    if not op.has(2) or op.attribute("beta") == 0.0:
        return Nest(nest.shape, nest.axes, nest.reads, nest.reductions, finish)
    bias: Value = Load(2)
    if op.attribute("beta") != 1.0:
        bias = call("mul", bias, float(op.attribute("beta")))
    if any(a not in (1, b) for a, b in zip(op.shape(2)[::-1], op.out[::-1], strict=False)):
        raise op.refuse(f"C of shape {op.shape(2)} for a result of {op.out}", EXPORT)
    reads = (*nest.reads, Read(2, broadcast(nest.axes, op.shape(2))))
    return Nest(nest.shape, nest.axes, reads, nest.reductions, call("add", finish, bias))


@entry("MatMul", order="row_major")
def matmul(op: Bound) -> Nest:
    """A @ B by numpy's rule: leading axes broadcast, vectors gain and lose an axis."""
    left, right = op.shape(0), op.shape(1)
    if not left or not right:
        raise op.refuse("a scalar has no matrix product")
    axes = axes_of(op.out)
    inner = Var("i", left[-1])
    i = index_of(inner)
    columns = axes[-1:] if len(right) > 1 else ()
    rest = axes[:-1] if columns else axes
    rows = rest[-1:] if len(left) > 1 else ()
    batch = rest[:-1] if rows else rest
    a = Read(0, (*broadcast(batch, left[:-2]), *rows, i))
    b = Read(1, (*broadcast(batch, right[:-2]), i, *columns))
    return _product(op, a, b, inner)
