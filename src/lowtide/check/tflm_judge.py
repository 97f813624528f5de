"""Is a .tflite file with a plan right? The plan is looked at, and TensorFlow Lite Micro runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowtide.backends.tflite.outline import outline
from lowtide.backends.tflite.rewrite import plan_in, without_plan
from lowtide.check.tflm import Inputs, Ran, run_tflm
from lowtide.check.tflm_placement import look_at_plan
from lowtide.errors import CheckError

ANY_KERNELS, REFERENCE = "any", "reference"
"""For which kernels of TensorFlow Lite Micro a plan is right."""


@dataclass(frozen=True)
class Judged:
    """What a sound plan takes, and how many outputs lie over inputs in it."""

    head_bytes: int
    overlaps: int

    @property
    def kernels(self) -> str:
        """For which the plan is right."""
        return REFERENCE if self.overlaps else ANY_KERNELS


def run_bare(content: bytes, sets: Sequence[Inputs], what: str) -> Ran:
    """What the interpreter makes of a file by itself; raises UnsupportedModel."""
    return run_tflm(without_plan(content), sets, what)


def judge_tflite(made: bytes, sets: Sequence[Inputs], bare: Ran, what: str) -> Judged:
    """Raises CheckError for a plan that is not sound, or gives other outputs than `bare`."""
    looked = look_at_plan(outline(made), plan_in(made))
    if looked.faults:
        raise CheckError(f"{what}: the plan is not sound: {looked.faults[0]}")
    ran = run_tflm(made, sets, f"{what} with its plan")
    if not ran.equals(bare):
        raise CheckError(f"{what}: with the plan TensorFlow Lite Micro's outputs differ")
    return Judged(ran.head_bytes, looked.overlaps)
