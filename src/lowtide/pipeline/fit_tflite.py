"""fit --target tflite: the same .tflite file with our plan of its memory, for TFLite Micro.

Judged before it is handed out: the plan is looked at by other code, and the unmodified interpreter
runs the file without a plan and with ours. Its outputs must be equal to the bit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from lowtide.backends.tflite.load import load_outline
from lowtide.backends.tflite.outline import Outline
from lowtide.backends.tflite.plan import HeadPlan, plan_head
from lowtide.backends.tflite.rewrite import plan_in, with_plan
from lowtide.check.tflm import run_tflm, version_of_tflm
from lowtide.check.tflm_inputs import drawn_inputs
from lowtide.check.tflm_judge import REFERENCE, Judged, judge_tflite, run_bare
from lowtide.check.tflm_scratch import scratch_of
from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import UnsupportedModel, UsageError
from lowtide.frontends.tflite.load import is_tflite, load
from lowtide.ir.graph import Array
from lowtide.pipeline.fit import Samples
from lowtide.pipeline.read import named
from lowtide.pipeline.result import Result
from lowtide.quoting import for_terminal, own
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import show_change


@dataclass(frozen=True, repr=False)
class FittedTflite(Result):
    """A file with a plan, and the bytes of the interpreter's head; all but `other` measured.

    `before` is what the file's own plan takes, if it has one that runs; `online` what the
    interpreter finds by itself; `other` what a plan for reference kernels would take, or for any.
    `weaker` are options that were given and may find less than their defaults.
    """

    file: str
    name: str
    plan: HeadPlan
    other: HeadPlan
    weaker: Sequence[str]
    before: int | None
    online: int
    after: Judged
    samples: int
    runtime: str
    content: bytes
    seconds: Mapping[str, float]

    @property
    def files(self) -> dict[str, bytes]:
        """What is written, by name."""
        return {own("net.tflite", self.name): self.content}

    def facts(self) -> dict[str, Any]:
        """Everything `fit --target tflite --json` prints."""
        return {
            "target": "tflite",
            "head_bytes": self.after.head_bytes,
            "head_bytes_own_plan": self.before,
            "head_bytes_no_plan": self.online,
            "planned_bytes": self.plan.head_bytes,
            "proven": self.plan.proven,
            "kernels": self.after.kernels,
            "overlaps": self.after.overlaps,
            "order_changed": self.plan.order != tuple(range(len(self.plan.order))),
            "other_overlap_bytes": self.other.head_bytes,
            "outputs": "equal",
            "samples": self.samples,
            "runtime": f"tflite-micro {self.runtime}",
            "seconds": round(sum(self.seconds.values()), 3),
        }

    @property
    def _read(self) -> Sequence[Path]:
        return [Path(self.file)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self).splitlines()[0]}>"

    def __str__(self) -> str:
        head = self.after.head_bytes
        had = "" if self.before is None else f"; {self.before} with the plan that it had"
        return (
            f"{for_terminal(self.file)}: TensorFlow Lite Micro's head is {head} bytes "
            f"({self.online} without a plan, {show_change(self.online, head)}{had})\n"
            f"  outputs        equal to the bit on {self.samples} sets of inputs, by tflite-micro "
            f"{self.runtime}\n"
            f"  right for      {self._right_for()}{self._saved()}"
        )

    def _saved(self) -> str:
        """What may do better, where the plan is no smaller than what there was."""
        head, there = self.after.head_bytes, min(self.online, self.before or self.online)
        if head < there:
            return ""
        found = "TensorFlow Lite Micro's own planner" if there == self.online else "the file's plan"
        ways = [f"without {one}" for one in self.weaker]
        if self.after.kernels != REFERENCE and self.other.head_bytes < head:
            ways.append(f"--overlap pixel, {self.other.head_bytes} bytes, reference kernels only")
        ways.append("--target c99, a program of its own that makes rows in turns")
        return f"\n  saved          nothing: {found} needs no more; what may: {'; or '.join(ways)}"

    def _right_for(self) -> str:
        other = f"{self.other.head_bytes} bytes"
        if self.after.kernels == REFERENCE:
            return (
                f"its reference kernels only, in which {self.after.overlaps} outputs lie over "
                f"inputs; for CMSIS-NN and others: --overlap none, {other}"
            )
        if self.other.head_bytes >= self.plan.head_bytes:
            return "any kernels"
        return f"any kernels; where only its reference kernels run: --overlap pixel, {other}"


@dataclass(frozen=True, eq=False)
class Planning:
    """A file, and how its plans are made."""

    content: bytes
    file: Outline
    order: str
    how: str

    def __call__(self, overlap: bool, scratch: Mapping[int, int]) -> HeadPlan:
        return plan_head(
            self.file, order=self.order, overlap=overlap, how=self.how, scratch=scratch
        )

    def written(self, plan: HeadPlan) -> bytes:
        """The file with a plan."""
        return with_plan(self.content, plan.offsets, plan.order)


def fit_tflite(
    model: str | os.PathLike[str],
    *,
    order: str = "least",
    overlap: str = "none",
    how: str = "exact",
    name: str = "net",
    samples: Samples | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress = quiet,
) -> FittedTflite:
    """Plans the head of a .tflite file's arena and judges it by TensorFlow Lite Micro itself.

    `overlap` "none" is right whatever kernels run it; "pixel" lays outputs over dying inputs as
    far as the reference kernels allow. Raises ModelError, UsageError and CheckError.
    """
    if isinstance(model, onnx.ModelProto) or not is_tflite(model):
        raise UsageError(f"--target tflite takes .tflite files; {named(model)} is none")
    model = Path(model)
    clock = Clock(progress)
    runtime = version_of_tflm()
    with clock("loading"):
        content, file = load_outline(model)
        _refuse(file, str(model), max_elements)
        given = [] if samples is None else _given(model, max_elements, samples)
        sets = [*given, *drawn_inputs(model, file)]
    planning = Planning(content, file, order, how)
    with clock("running TensorFlow Lite Micro without a plan"):
        bare = run_bare(content, sets, str(model))
        before = _before(content, sets)
    with clock("planning"):
        plan, other = (planning(on, {}) for on in (overlap != "none", overlap == "none"))
    with clock("running it with the plan"):
        after = judge_tflite(planning.written(plan), sets, bare, str(model))
    if after.head_bytes > plan.head_bytes:
        with clock("planning what kernels ask for while they run"):
            scratch = scratch_of(content)
            again, other = (planning(on, scratch) for on in (overlap != "none", overlap == "none"))
            judged = judge_tflite(planning.written(again), sets, bare, str(model))
            plan, after = min((plan, after), (again, judged), key=lambda pair: pair[1].head_bytes)
    made = planning.written(plan)
    weaker = [f"--order {order}"] if order != "least" else []
    weaker += [f"--place {how}"] if how != "exact" else []
    return FittedTflite(
        str(model), name, plan, other, weaker, before, bare.head_bytes, after, len(sets), runtime,
        made, clock.seconds,
    )  # fmt: skip


def _refuse(file: Outline, where: str, max_elements: int) -> None:
    if not file.nodes or not file.outputs:
        raise UnsupportedModel("no operators or no outputs in the graph", file=where)
    if any(node.kind == "SPACE_TO_BATCH_ND" for node in file.nodes):
        raise UnsupportedModel(
            "SPACE_TO_BATCH_ND: in TensorFlow Lite Micro its frames around images are whatever "
            "lies in memory, so that no outputs can be compared",
            file=where, hint="convert with dilated convolutions",
        )  # fmt: skip
    if sum(t.bytes for t in file.tensors) > 4 * max_elements:
        raise UnsupportedModel(
            "more elements than --max-elements", file=where, hint="give a larger one"
        )


def _given(model: Path, max_elements: int, samples: Samples) -> list[list[Array]]:
    """Samples in the file's order of inputs: what they mean is known of the network as read."""
    graph = load(model, max_elements)
    return [[one[name] for name in graph.inputs] for one in samples(graph).values()]


def _before(content: bytes, sets: Sequence[Sequence[Array]]) -> int | None:
    """The head with the plan that the file has; None where it has none, or one that fails."""
    if plan_in(content) is None:
        return None
    try:
        return run_tflm(content, sets[:1], "its own plan").head_bytes
    except UnsupportedModel:
        return None
