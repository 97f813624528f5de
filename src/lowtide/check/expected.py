"""What a network is expected to compute, what says so, and how far a program may be from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from lowtide.ir.graph import Array

Kind = Literal["float64", "float32", "quantised", "integers", "program"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WHOLE: tuple[Kind, ...] = ("quantised", "integers", "program")
"""Those of whole numbers: single values are compared, and counted."""

TOLERANCE = 1e-5
"""Of the largest value of an output: how far from what is expected every program may be."""

SUSPECT = 1e-3
"""Of the largest value of an output: where float64 and onnxruntime are farther apart than this,
the float64 evaluation is not believed unless rounding explains it."""


@dataclass(frozen=True)
class Expected:
    """A network's outputs for one set of inputs, in the network's order, and how they were made.

    - float64: evaluated in float64; `gaps` has the largest distance of onnxruntime, not optimised,
      from each output. `note` says where the network itself overflows.
    - float32: onnxruntime itself, where `note` says why there is no float64.
    - quantised: a runtime's integers, made real again at the end; `gaps` has how far each output
      may be off, 0 where the runtime computes nothing in floats, and `quanta` its quantum.
    - integers: the same of integers that a program hands out.
    - program: none: its own plainest build, which the others are held to; `note` says what was not
      compared. Until that has run there are no outputs. `gaps` as for integers.
    """

    outputs: tuple[Array, ...]
    kind: Kind = "float32"
    maker: str = "onnxruntime"
    version: str = ""
    gaps: tuple[float, ...] = ()
    note: str = ""
    quanta: tuple[float, ...] = ()
    overflows: str = ""
    """The node at which the network itself may leave float32's range; `outputs` are NaN where that
    shows, and nothing is compared there."""

    def compared(self, results: Sequence[Array]) -> Sequence[Array]:
        """Some outputs with NaN where nothing is compared."""
        if not self.overflows:
            return results
        return [
            np.where(np.isnan(ref), np.nan, y) if y.shape == ref.shape else y
            for y, ref in zip(results, self.outputs, strict=True)
        ]

    @property
    def by(self) -> str:
        """What made them, as messages say it."""
        what = {
            "float64": "the exact value",
            "quantised": f"{self.maker}'s fused integers",
            "integers": f"{self.maker}'s integers",
        }
        return what.get(self.kind, self.maker)

    @property
    def whole(self) -> bool:
        """Whether `gaps` says all that outputs may be off by."""
        return self.kind in WHOLE


def errors(expected: Sequence[Expected], largest: Sequence[float]) -> list[float] | None:
    """onnxruntime's own error in each output over all samples, as a share of the largest value."""
    if any(one.kind != "float64" for one in expected) or not expected:
        return None
    worst = [max(gaps) for gaps in zip(*(one.gaps for one in expected), strict=True)]
    return [share(gap, scale) for gap, scale in zip(worst, largest, strict=True)]


def allowed(expected: Sequence[Expected], largest: Sequence[float]) -> list[float]:
    """How far each output may be from what is expected, as a share of its largest value.

    1e-5, or twice what onnxruntime is off by itself, which is 2e-3 at most; of whole numbers what
    their `gaps` say.
    """
    if expected and all(one.whole for one in expected):
        worst = [max(gaps) for gaps in zip(*(one.gaps for one in expected), strict=True)]
        return [share(gap, scale) for gap, scale in zip(worst, largest, strict=True)]
    own = errors(expected, largest)
    if own is not None:
        return [max(TOLERANCE, min(2 * error, 2 * SUSPECT)) for error in own]
    return [TOLERANCE] * len(largest)


def share(gap: float, scale: float) -> float:
    """A distance as a share of the largest value."""
    return gap / scale if scale else (0.0 if gap == 0 else float("inf"))


@dataclass(frozen=True)
class Against:
    """What a program was compared with, over all samples: for reports."""

    kind: Kind
    by: str
    maker: str
    note: str
    runtime_error: float | None
    """onnxruntime's own largest error, where there is something more exact to compare it with."""
    quanta: tuple[float, ...] = ()
    """One quantum of each output, of a network whose activations are quantised."""
    version: str = ""
    equal: bool = False
    """Whether outputs have to be equal."""

    @property
    def rule(self) -> str:
        """How far a program may be from it, in words."""
        if self.kind in WHOLE:
            return "none" if self.equal else "one step"
        limit = f"{TOLERANCE:.0e} of the largest value"
        return limit if self.runtime_error is None else f"{limit}, or twice onnxruntime's own"

    def facts(self, error: float) -> dict[str, Any]:
        """What reports say of it, beside the program's own error."""
        return {
            "error_from_exact": error if self.kind == "float64" else None,
            "onnxruntime_error": self.runtime_error,
            "reference": None if self.kind == "program" else self._reference(),
            "not_compared": self.note if self.kind == "program" else None,
            "quanta": [*self.quanta] or None,
        }

    @property
    def named(self) -> str:
        """Name and version of what made it."""
        return f"{self.maker} {self.version}".strip()

    def _reference(self) -> dict[str, str]:
        return {
            "kind": self.kind,
            "name": self.maker,
            "version": self.version,
            "made_by": self.named,
            "note": self.note,
        }

    def shown(self, error: float) -> str:
        """The program's own error in words, beside onnxruntime's."""
        note = f"; {self.note}" if self.note else ""
        if self.kind == "float64":
            return f"{error:.1e} from exact; onnxruntime {self.runtime_error or 0.0:.1e}{note}"
        return f"{error:.1e} of the largest value from {self.by}{note}"


def _quanta(expected: Sequence[Expected]) -> tuple[float, ...]:
    """Those of each output over all samples, which differ where the network finds them itself."""
    steps = [one.quanta for one in expected if one.quanta]
    return tuple(max(of_one) for of_one in zip(*steps, strict=True))


def summary(expected: Sequence[Expected], largest: Sequence[float]) -> Against:
    """What all samples were compared with; they are of one kind."""
    one, own = expected[0], errors(expected, largest)
    note = next((other.note for other in expected if other.overflows), one.note)
    error = max(own, default=0.0) if own else None
    equal = one.whole and not any(gap for other in expected for gap in other.gaps)
    return Against(
        one.kind, one.by, one.maker, note, error, _quanta(expected), one.version, equal
    )  # fmt: skip
