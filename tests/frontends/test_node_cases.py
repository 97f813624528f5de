"""ONNX's own node cases, through the generated C, against the outputs that ONNX publishes.

All cases whose outputs are float32 tensors are taken up, whether or not an entry is there for them.
CI runs a tenth of them, `-m slow` all; `python -m bench.nodecases` writes down what is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest

from node_cases import collect, outcomes

MEASURED_WITH, FEWEST_PASSES = "1.23", 1198
LISTED = Path(__file__).parents[2] / "docs" / "node-cases.md"

RUNS = collect()
NAMES = sorted(RUNS)
PARTS = 40


def _parts() -> list[object]:
    """Every fortieth run, from each of them on; the first four parts run in CI."""
    return [pytest.param(p, marks=[pytest.mark.slow] if p >= 4 else []) for p in range(PARTS)]


def refusals() -> dict[str, str]:
    """The refused runs that docs/node-cases.md lists, with the reasons it gives."""
    rows = re.findall(r"^\| ([\w-]+) \| (.+) \|$", LISTED.read_text(), re.MULTILINE)
    return {name: reason for name, reason in rows if name in RUNS}


@pytest.mark.parametrize("part", _parts())
def test_no_case_fails_and_only_listed_ones_are_refused(part: int) -> None:
    listed = refusals()
    found = outcomes([RUNS[name] for name in NAMES[part::PARTS]])
    assert [one for one in found if one.verdict == "failed"] == []
    refused = [one for one in found if one.verdict == "refused"]
    assert [one for one in refused if one.name not in listed] == []
    assert all("\n" not in one.why for one in refused)
    assert {one.name for one in refused} == set(listed) & {one.name for one in found}


@pytest.mark.skipif(not onnx.__version__.startswith(MEASURED_WITH), reason="other cases")
def test_nothing_is_refused_that_was_not() -> None:
    assert len(RUNS) - len(refusals()) >= FEWEST_PASSES
