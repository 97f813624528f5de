"""What cppcheck's MISRA addon says of emitted C is what docs/misra.md says, or less."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from bench.misra import KINDS, counts, recorded

from tools import need

SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("float32", "streamed")]


@pytest.mark.parametrize("kind", ["8 bits", "packed", *SLOW])
def test_no_rule_is_kept_less_often_than_the_page_says(kind: str) -> None:
    need("" if shutil.which("cppcheck") else "there is no cppcheck")
    said = subprocess.run(["cppcheck", "--version"], capture_output=True, text=True, check=True)
    if "2.10" not in said.stdout:
        pytest.skip(f"the page is of cppcheck 2.10, not {said.stdout.strip()}")
    held = recorded()[kind]
    found = counts(*KINDS[kind])
    assert found, "a report that says nothing is none"
    more = {rule: (n, held.get(rule, 0)) for rule, n in found.items() if n > held.get(rule, 0)}
    assert not more, f"{more}: found, said; mend it, or python -m bench.misra and say why"
