"""What `import lowtide` promises."""

from __future__ import annotations

import subprocess
import sys

import lowtide

NAMES = [
    "Array",
    "Benched",
    "BoardCount",
    "BudgetError",
    "CheckError",
    "Chip",
    "Chips",
    "Compressed",
    "Explorations",
    "Explored",
    "File",
    "Files",
    "Fitted",
    "FittedEight",
    "FittedFifo",
    "FittedSmall",
    "FittedTflite",
    "LowtideError",
    "MemoryMap",
    "Model",
    "ModelError",
    "Module",
    "Options",
    "Plan",
    "Portable",
    "Profiled",
    "Progress",
    "Quantised",
    "Samples",
    "Shape",
    "Together",
    "UnreadableModel",
    "UnsupportedModel",
    "UsageError",
    "Verified",
    "VerifiedFifos",
    "VerifiedTflite",
    "VerifiedTogether",
    "bench",
    "chips",
    "compress",
    "explore",
    "fit",
    "fit_together",
    "profile",
    "quantise",
    "read_memory_map",
    "verify",
]


def test_public_names_are_these() -> None:
    assert lowtide.__all__ == NAMES
    own = [one for name in NAMES if isinstance(one := getattr(lowtide, name), type)]
    assert len(own) > 15
    assert all(one.__module__.startswith("lowtide.") for one in own)


def test_names_survive_the_import_of_everything() -> None:
    """No module of the package hides a public function of the same name."""
    code = "import lowtide, lowtide.cli.app, lowtide.pipeline.fit; assert callable(lowtide.profile)"
    subprocess.run([sys.executable, "-c", code + "; assert callable(lowtide.verify)"], check=True)


def test_exit_codes_are_distinct_and_documented() -> None:
    codes = {
        lowtide.LowtideError: 1,
        lowtide.UsageError: 2,
        lowtide.BudgetError: 3,
        lowtide.ModelError: 4,
        lowtide.CheckError: 5,
    }
    assert {error: error.exit_code for error in codes} == codes
