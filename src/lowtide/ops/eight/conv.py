"""Convolutions of 8-bit numbers."""

from __future__ import annotations

from lowtide.ir.dtype import I32
from lowtide.ir.index import Var
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, Load, Number, call
from lowtide.ops.conv import ATTRIBUTES, TRANSPOSED, kernel_of, taps_of, taps_of_transposed
from lowtide.ops.eight.finish import EIGHT, ENDS, above, factor_types, finished, wrapped
from lowtide.ops.entry import Bound, entry

_OTHERS = {2: (I32,), **factor_types(3)}
_ENDS = {**ENDS, "w_zero": 0}


@entry(
    "QConv",
    attributes={**ATTRIBUTES, **_ENDS},
    order="channels_last",
    take=EIGHT,
    other_types=_OTHERS,
    makes=(*EIGHT, I32),
    kernel=kernel_of,
    goes_on="QConvOnto",
)
def conv(op: Bound) -> Nest:
    """A convolution of 8-bit numbers:
    clamp(round((bias[c] + sum of (x - x_zero) * (w - w_zero)) * factor[c]) + y_zero)

    Without a factor it makes the sums themselves, int32.
    """
    return _summed(op, *taps_of(op))


@entry(
    "QConvWrapped",
    attributes={**ATTRIBUTES, **_ENDS},
    order="channels_last",
    take=EIGHT,
    other_types=_OTHERS,
    kernel=kernel_of,
)
def conv_wrapped(op: Bound) -> Nest:
    """QConv, but the bias is added to the sum of products last, in 32 bits that wrap."""
    return wrapped(_summed(op, *taps_of(op)))


@entry(
    "QConvOnto",
    attributes={**ATTRIBUTES, **_ENDS},
    order="channels_last",
    take=EIGHT,
    other_types=_OTHERS,
    makes=(*EIGHT, I32),
    kernel=kernel_of,
)
def conv_onto(op: Bound) -> Nest:
    """QConv whose sums go on from those of its third input."""
    return _summed(op, *taps_of(op), onto=True)


@entry(
    "QConvTranspose",
    attributes={**TRANSPOSED, **_ENDS},
    order="channels_last",
    take=EIGHT,
    other_types=_OTHERS,
)
def conv_transpose(op: Bound) -> Nest:
    """A transposed convolution of 8-bit numbers: QConv for the pixels that an output pixel was
    spread from."""
    return _summed(op, *taps_of_transposed(op))


def _summed(op: Bound, x: Read, w: Read, loops: tuple[Var, ...], onto: bool = False) -> Nest:
    axes, reads = axes_of(op.out), [x, w]
    start: Load | Number = Number(0)
    if op.has(2):
        if op.shape(2) != (op.out if onto else (op.out[1],)):
            raise op.refuse(f"a bias of shape {op.shape(2)} for {op.out[1]} channels")
        start = Load(2)
        reads.append(Read(2, axes if onto else (axes[1],)))
    image, weight = (above(Load(k), int(op.attribute(f"{'xw'[k]}_zero"))) for k in range(2))
    sums = Reduction(loops, start, call("add", Acc(0), call("mul", image, weight)))
    finish = finished(op, Acc(0), 3, reads, axes[1]) if op.has(3) else Acc(0)
    return Nest(op.out, axes, tuple(reads), (sums,), finish, I32)
