"""Every operator, drawn from its signature: right, or refused in a line with node and way out.

    python tests/ops/test_signatures.py FIRST STOP      judges seeds and says what was reached

A draw is planned and run in numpy, every read checked; one in eight becomes C as well, many in one
compiler run. What is right is decided as for every network (check/truth). CI judges two draws for
each operator in each version of its schema, `-m slow` two dozen.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import pytest

from batches import Case, judge_batch, make_case
from lowtide.check.difference import check_comparable
from lowtide.check.emulate import judge_emulated
from lowtide.errors import CheckError, ModelError, UnreadableModel
from lowtide.ops import ENTRIES
from network_builder import Network
from operator_examples import OPTIONAL, operators, versions
from programs import GREEDY, STREAM, plan_model
from signatures import Drawn, draw

SEEDS, COMPILED, A_BATCH = 24, 8, 40


@dataclass
class Reached:
    """What became of some draws."""

    verdicts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    combinations: set[tuple[str, int, tuple[str, ...]]] = field(default_factory=set)
    right: list[Case] = field(default_factory=list)

    def judge(self, drawn: Drawn, options_of: int) -> None:
        """Plans a draw and runs it in numpy."""
        self.combinations.add((drawn.type, drawn.opset, drawn.words))
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                self.verdicts[self._verdict(drawn, options_of)] += 1
        except Exception as error:  # whatever it is: that is the fault
            where = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
            self.faults.append(f"{drawn.name} {what}: {', '.join(drawn.words)}")

    def _verdict(self, drawn: Drawn, seed: int) -> str:
        try:
            plan = plan_model(drawn.model, GREEDY if seed % 2 else STREAM)
        except ModelError as error:
            if not _names(error):
                self.faults.append(f"{drawn.name} is refused without a name or a way out: {error}")
            return "refused"
        network = Network(drawn.model, drawn.inputs, whole=False)
        try:
            case = make_case(drawn.name, network, plan)
        except UnreadableModel:
            return "not run by onnxruntime"
        try:
            check_comparable([case.sample])
        except CheckError:
            return "nowhere finite"
        judge_emulated(plan, [case.sample], lambda _: None)
        self.right.append(case)
        return "right"

    def compile(self, cases: Sequence[Case]) -> None:
        """Judges programs, many in one compiler run."""
        for first in range(0, len(cases), A_BATCH):
            with TemporaryDirectory(prefix="lowtide-") as folder:
                for one in judge_batch(cases[first : first + A_BATCH], Path(folder)):
                    self.verdicts["compiled"] += 1
                    self.faults += [f"{one.case.name}: {fault}" for fault in one.faults]

    def __str__(self) -> str:
        types = {type_ for type_, _, _ in self.combinations}
        counts = ", ".join(f"{count} {what}" for what, count in self.verdicts.most_common())
        return f"{len(types)} operators, {len(self.combinations)} combinations: {counts}"


def _names(error: ModelError) -> bool:
    """Whether a refusal is one line with a node, or a port where no node is left, and a way out."""
    text = str(error)
    inferred = "(op_type:" in text and "node name: " in text
    port = any(f"{role} '" in text for role in ("input", "output"))
    counted = "(opset " in text and "('" in text
    named = bool(error.node and error.operator) or inferred or port or counted
    return named and "; " in text and "\n" not in text


def judge(seeds: Iterable[int]) -> Reached:
    """One draw a seed for each operator in each version."""
    reached = Reached()
    for seed in seeds:
        for type_ in operators():
            for version in versions(type_):
                reached.judge(draw(type_, version, seed), seed)
    reached.compile(reached.right[::COMPILED])
    return reached


@pytest.mark.parametrize(
    "seed", [pytest.param(k, marks=[pytest.mark.slow] if k >= 2 else []) for k in range(SEEDS)]
)
def test_every_operator_is_right_or_refused_by_name(seed: int) -> None:
    reached = judge([seed])
    print(f"\nseed {seed}: {reached}")
    assert reached.faults == []
    assert reached.verdicts["right"] > 250
    assert {type_ for type_, _, _ in reached.combinations} == set(operators())


def _optional_inputs(type_: str, version: int) -> list[str]:
    schema = onnx.defs.get_schema(type_, version, "")
    return [formal.name for formal in schema.inputs if formal.option == OPTIONAL]


@pytest.mark.parametrize("type_", [t for t in operators() if t in ENTRIES])
def test_draws_reach_every_form_of_every_optional_input(type_: str) -> None:
    """Given (as a constant or at run time), "" and, where nothing comes behind it, left off."""
    version = versions(type_)[-1]
    optional = _optional_inputs(type_, version)
    if not optional:
        return
    words = {word for seed in range(SEEDS * 3) for word in draw(type_, version, seed).words}
    for name in optional:
        assert {f"{name} constant", f"{name} at run time"} & words, name
        assert {f"{name} empty", f"{name} left off"} & words, name
    assert {f"{optional[-1]} empty", f"{optional[-1]} left off"} <= words


if __name__ == "__main__":
    made = judge(range(int(sys.argv[1]), int(sys.argv[2])))
    print("\n".join([str(made), *made.faults]))
    sys.exit(bool(made.faults))
