"""verify() of Python: what `lowtide verify` does, by the same names, whatever is in the folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lowtide.check.layers import compare_layers, naming
from lowtide.check.tested import run_tests
from lowtide.check.verify import Verified, naming_changed, result_of
from lowtide.check.verify import verify as verify_program
from lowtide.check.verify_fifo import VerifiedFifos, holds_fifos, verify_fifos
from lowtide.check.verify_tflite import VerifiedTflite, planned_file, verify_tflite
from lowtide.check.verify_together import VerifiedTogether, holds_several, verify_together
from lowtide.clock import Progress, quiet
from lowtide.data.labelled import LabelledFiles
from lowtide.errors import UsageError
from lowtide.pipeline.pictures import File, Files, numbers, paths
from lowtide.pipeline.signature import signed
from lowtide.room import MAX_ELEMENTS


def verify(
    folder: File,
    model: File | None = None,
    progress: Progress | None = None,
    max_elements: int = MAX_ELEMENTS,
    *,
    layers: bool = False,
    test: Files | None = None,
    classes: File | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    bgr: bool = False,
) -> Verified | VerifiedTflite | VerifiedTogether | VerifiedFifos:
    """Repeats the checks of a folder that `lowtide.fit` made, from its files.

    The C in the folder is compiled and run: only for folders that are trusted.

    model          the network's file: what is expected is computed anew
    layers         compare every operator with the reference's, and name the first that differs;
                   needs `model`
    test, classes  pictures with classes, to say how often the program is right
    mean, std, bgr what becomes of their pixels, as for `lowtide.fit`
    max_elements   folders of more elements are refused before they take memory
    progress       is called with each stage in words, as it begins

    Returns a Verified; of a .tflite file with a plan a VerifiedTflite, of networks in one arena a
    VerifiedTogether, of FIFOs a VerifiedFifos. Each is printed as the command does.
    Raises ModelError for missing or damaged files, CheckError, UsageError.
    """
    home, file = Path(folder), None if model is None else Path(model)
    say, tests = progress or quiet, paths(test)
    if not tests and (classes is not None or mean is not None or std is not None or bgr):
        raise UsageError("--classes, --mean, --std and --bgr are for --test")
    if layers and file is None:
        raise UsageError(f"{home}: --layers compares with the network; name it with --model FILE")
    if planned := planned_file(home):
        if layers or tests:
            raise UsageError(f"{home} holds a .tflite file: --layers and --test are for programs")
        return verify_tflite(home, planned, file, say)
    if holds_several(home):
        if layers or tests:
            raise UsageError(f"{home} holds several networks: --layers and --test are for one")
        return verify_together(home, file, say, max_elements)
    if holds_fifos(home):
        if layers or tests or file:
            raise UsageError(
                f"{home} holds depths of FIFOs: --model, --layers and --test are for C"
            )
        return verify_fifos(home, say)
    labelled = None if classes is None else Path(classes)
    given = LabelledFiles(tests, labelled, numbers(mean), numbers(std), bgr)
    result = result_of(home)
    with naming_changed(result):
        looked = compare_layers(home, file, say) if layers and file else None
    with naming(looked):
        verified = verify_program(home, file, say, max_elements)
    with naming_changed(result):
        tested = run_tests(home, given, say) if tests else None
    return replace(verified, layers=looked, tested=tested)


signed(verify)
