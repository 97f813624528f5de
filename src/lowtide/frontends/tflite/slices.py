"""Parts of a tensor."""

from __future__ import annotations

import tflite

from lowtide.frontends.tflite.moves import axis_of, ints, same_numbers
from lowtide.frontends.tflite.site import Site, operator


@operator("SLICE")
def slice_(op: Site) -> None:
    """A box of the input."""
    same_numbers(op, 0)
    first, sizes = ints(op, 1), ints(op, 2)
    sizes = [
        n if n >= 0 else whole - f
        for n, f, whole in zip(sizes, first, op.input(0).shape, strict=True)
    ]
    attributes = {"starts": first, "ends": [f + n for f, n in zip(first, sizes, strict=True)]}
    op.make("Slice", [op.name(0)], attributes=attributes)


@operator("STRIDED_SLICE")
def strided_slice(op: Site) -> None:
    """Every n-th element between two ends; an axis may be left out, or added."""
    same_numbers(op, 0)
    options, shape = op.options(tflite.StridedSliceOptions), op.input(0).shape
    if options.Offset():
        raise op.refuse("with offsets")
    begin, end, step = (ints(op, k) for k in (1, 2, 3))
    left, added, whole = (
        [bool(mask >> k & 1) for k in range(len(begin))]
        for mask in (options.ShrinkAxisMask(), options.NewAxisMask(), options.EllipsisMask())
    )
    if not len(begin) == len(end) == len(step) or sum(whole) > 1 or 0 in step:
        raise op.refuse(f"not supported: from {begin} to {end} by {step}")
    named = len(begin) - sum(added) - sum(whole) + sum(map(all, zip(added, whole, strict=True)))
    if named > len(shape) - any(whole):
        raise op.refuse(f"{named} slices of {len(shape)} axes")
    taken, out = list[range](), list[int]()
    for k in range(len(begin)):
        axis = len(taken)
        if whole[k]:
            some = shape[axis : axis + len(shape) - named]
            taken += map(range, some)
            out += some
        elif added[k]:
            out.append(1)
        else:
            first = None if options.BeginMask() >> k & 1 else begin[k]
            last = None if options.EndMask() >> k & 1 else end[k]
            every = range(shape[axis])[slice(first, last, step[k])]
            if left[k]:
                at = axis_of(op, begin[k], shape[axis])
                every = range(at, at + 1)
            elif not every:
                raise op.refuse(f"nothing of axis {axis}")
            taken.append(every)
            out += [] if left[k] else [len(every)]
    rest = shape[len(taken) :]
    op.shape((*out, *rest))
    cut = op.between(
        "Slice", [op.name(0)], (*map(len, taken), *rest), op.input(0).dtype, op.input(0).quant,
        starts=[every.start for every in taken],
        ends=[every.stop if every.stop >= 0 else -n - 1
              for every, n in zip(taken, shape, strict=False)],
        axes=[*range(len(taken))], steps=[every.step for every in taken],
    )  # fmt: skip
    op.make("Reshape", [cut], attributes={"shape": op.output().shape})
