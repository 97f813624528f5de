"""How far a result is from what is expected, and whether that is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lowtide.check.exact.blocks import blocks, largest_of
from lowtide.check.expected import WHOLE, Expected, Kind, allowed, share, summary
from lowtide.check.numbers import Sample
from lowtide.errors import CheckError
from lowtide.ir.graph import Array


@dataclass(frozen=True)
class Difference:
    """max|y - ref| over all outputs, the largest max|y - ref| / max|ref| of one output.

    `of_allowed` is the largest share that an output takes of what it may differ by. Of `compared`
    values so many are `unequal`, by `steps` steps at most: whole numbers, or quanta.
    """

    max_abs: float
    max_rel: float
    of_allowed: float
    compared: int = 0
    unequal: int = 0
    steps: int = 0

    def counts(self, kind: Kind) -> dict[str, int | None]:
        """What reports say of single values; whether floats are equal says nothing."""
        whole = kind in WHOLE
        return {
            "compared_values": self.compared,
            "unequal": self.unequal if whole else None,
            "steps_off": self.steps if whole else None,
        }

    @property
    def passes(self) -> bool:
        return self.of_allowed <= 1.0

    def __or__(self, other: Difference) -> Difference:
        """The worse of two."""
        return Difference(
            max(self.max_abs, other.max_abs),
            max(self.max_rel, other.max_rel),
            max(self.of_allowed, other.of_allowed),
            max(self.compared, other.compared),
            max(self.unequal, other.unequal),
            max(self.steps, other.steps),
        )


SAME = Difference(0.0, 0.0, 0.0)


def check_comparable(samples: Sequence[Sample]) -> None:
    """Raises CheckError where an output is finite nowhere: agreeing on that would say nothing."""
    made = [sample.outputs for sample in samples]
    for number, outputs in enumerate(zip(*made, strict=True), 1):
        if not any(np.isfinite(y).any() for y in outputs):
            raise CheckError(
                f"output {number} of {len(made[0])} is nowhere finite in the reference, so nothing "
                "finite could be compared",
                hint="give a --sample on which it is",
            )


def scales(samples: Sequence[Sample]) -> list[float]:
    """The largest reference value of each output, over all samples.

    A detector that sees nothing in a picture gives scores of 1e-4; what they may be off by follows
    from what they are where there is something.
    """
    columns = zip(*(sample.outputs for sample in samples), strict=True)
    return [max(largest_of(y) for y in column) for column in columns]


def compare(results: Mapping[str, Sequence[Array]], samples: Sequence[Sample]) -> Difference:
    """How far the outputs of all samples are from what is expected, and from what is allowed."""
    if any(not sample.outputs for sample in samples):
        return SAME  # what made them is what is to be compared with
    worst, (largest, limits) = SAME, _limits(samples)
    compared = unequal = steps = 0
    for sample in samples:
        made = sample.expected.compared(results[sample.name])
        worst |= difference(made, sample.outputs, largest, limits)
        for k, (y, ref) in enumerate(zip(made, sample.outputs, strict=True)):
            compared += ref.size
            unequal += count_unequal(y, ref)
            steps = max(steps, _steps(distance(y, ref), ref, sample.expected, k))
    return replace(worst, compared=compared, unequal=unequal, steps=steps)


def _limits(samples: Sequence[Sample]) -> tuple[list[float], list[float]]:
    """The largest value of each output, and what share of it the output may be off by."""
    largest = scales(samples)
    if any(sample.expected.whole for sample in samples):  # 0 everywhere may be a step off, too
        largest = [most or 1.0 for most in largest]
    return largest, allowed([sample.expected for sample in samples], largest)


def most_off(samples: Sequence[Sample]) -> list[float]:
    """How far each output may be from what is expected of it."""
    return [most * limit if most else 0.0 for most, limit in zip(*_limits(samples), strict=True)]


def count_unequal(y: Array, ref: Array) -> int:
    """How many values are not the same; all of them where shapes are not."""
    if y.shape != ref.shape:
        return ref.size
    return sum(int(np.sum((a != b) & ~(np.isnan(a) & np.isnan(b)))) for a, b in blocks(y, ref))


def _steps(gap: float, ref: Array, expected: Expected, k: int) -> int:
    """A distance in whole numbers, or in quanta where outputs have those; 0 of other floats."""
    quantum = expected.quanta[k] if expected.quanta else 0.0
    step = 1.0 if ref.dtype.kind in "iu" else quantum
    return round(min(gap / step, 2.0**31)) if step else 0


def check_near(found: Difference, samples: Sequence[Sample], what: str) -> None:
    """Raises CheckError for a difference that is not allowed, of what made the results."""
    if found.passes:
        return
    against = summary([sample.expected for sample in samples], scales(samples))
    own = against.runtime_error
    if against.kind in WHOLE:
        raise CheckError(
            f"{what} differs from {against.by} in {found.unequal} of {found.compared} values, by "
            f"{found.max_abs:g} at most; allowed: {against.rule}"
        )
    beside = "" if own is None else f", onnxruntime by {own:.2e}"
    raise CheckError(
        f"{what} differs from {against.by} by {found.max_rel:.2e} of the largest value{beside}: "
        f"{found.of_allowed:.3g} times what is allowed, {against.rule}",
        hint=against.note or None,
    )


def difference(
    results: Sequence[Array],
    references: Sequence[Array],
    largest: Sequence[float],
    limits: Sequence[float],
) -> Difference:
    """How far results are from their references, absolutely and against the `largest` values.

    `limits` says how far each may be against its largest value. Infinities and NaN are as they are
    in the references, or infinitely far.
    """
    worst = SAME
    for y, ref, scale, limit in zip(results, references, largest, limits, strict=True):
        gap = distance(y, ref)
        worst |= Difference(gap, share(gap, scale), _taken(share(gap, scale), limit))
    return worst


def _taken(error: float, limit: float) -> float:
    """An error as a share of what is allowed, which may be nothing."""
    if error <= limit:
        return error / limit if 0 < limit < np.inf else 0.0
    return error / limit if limit else float(np.inf)


def distance(y: Array, ref: Array) -> float:
    """max|y - ref|; infinite where shapes, infinities or NaN are not the same."""
    if y.shape != ref.shape:
        return float(np.inf)
    return float(max((_distance(*pair) for pair in blocks(y, ref)), default=0.0))


def _distance(y: Array, ref: Array) -> float:
    same = (y == ref) | (np.isnan(y) & np.isnan(ref))
    with np.errstate(invalid="ignore"):
        gap = np.where(same, 0.0, np.abs(y - ref))
    return float(np.where(np.isnan(gap), np.inf, gap).max(initial=0.0))
