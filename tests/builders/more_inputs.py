"""A fitted program on more inputs than it was judged on.

fit checks every read on its own samples, and addresses depend on no input; so on others it is
enough to run net.c as it ships.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lowtide.check.compile import find_compiler
from lowtide.check.difference import Difference
from lowtide.check.ends import Ends
from lowtide.check.flags import named
from lowtide.check.trial import WAYS, Trial
from lowtide.check.truth import expect
from lowtide.ir.graph import Array
from lowtide.pipeline.fitted import Fitted


def on_more(fitted: Fitted, file: Path, given: Mapping[str, Mapping[str, Array]]) -> Difference:
    """How far net.c is from the file's reference; raises CheckError if too far."""
    memory, compiler = fitted.memory, find_compiler()
    assert compiler is not None
    samples = expect(file, file.name, given, Ends(memory.inputs, memory.outputs))
    assert all(sample.outputs for sample in samples), "there is no reference"
    way = replace(WAYS[-1], flags=named(fitted.files["net.h"]))
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        return Trial(fitted.files, memory, samples, compiler, Path(folder)).run(way).difference
