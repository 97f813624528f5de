"""What cppcheck's MISRA C:2012 addon says of the emitted C: docs/misra.md.

    python -m bench.misra [--shared ../shared]

One network of each kind, for a Cortex-M4F: the rules, how often each is not kept, and why. The text
of the rules is MISRA's own and not here; what each is about is said in our words.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.misra_reasons import REASONS
from bench.tables import held, markdown, put
from lowtide.backends import emit
from lowtide.check.compile import write_sources
from lowtide.clock import Clock, quiet
from lowtide.pipeline.read import read
from lowtide.planner.filter_blocks import plan_filters
from lowtide.planner.options import Options
from lowtide.room import MAX_ELEMENTS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/misra.md"
EXAMPLES = ROOT / "examples"
CPU = "cortex-m4f"
STREAMED = Options(cpu=CPU, image="streamed", result="streamed")
KINDS: Mapping[str, tuple[Path, Options]] = {
    "float32": (EXAMPLES / "resnet8_cifar10.onnx", Options(cpu=CPU)),
    "8 bits": (EXAMPLES / "resnet8_cifar10_int8.tflite", Options(cpu=CPU)),
    "streamed": (EXAMPLES / "resnet8_cifar10_int8.tflite", STREAMED),
    "packed": (EXAMPLES / "resnet8_cifar10_small.onnx", Options(cpu=CPU)),
}
SHARED = {
    "face_slim": "onnx/face_slim_320.onnx", "person": "tflite/person_detect.tflite",
    "kws": "tflite/kws_ref_model.tflite", "vww": "tflite/vww_96_int8.tflite",
}  # fmt: skip
MACROS = (
    "__GNUC__=12", "__arm__=1", "__thumb__=1", "__ARM_ARCH=7", "__ARM_FEATURE_DSP=1",
    "__ARM_FEATURE_SIMD32=1", "__ARM_FP=4", "NET_CONSTANTS=1", "NULL=((void*)0)",
)  # fmt: skip
"""What the processor's compiler defines, so that the C that it takes is looked at."""


def counts(model: Path, options: Options) -> Counter[str]:
    """How often each rule is not kept in a network's net.c and net.h."""
    source, graph = read(model, Clock(quiet), None, MAX_ELEMENTS)
    plan = plan_filters(source, graph, options, Clock(quiet), None)
    with TemporaryDirectory(prefix="lowtide-") as name:
        folder = Path(name)
        files = {k: v for k, v in emit(plan).items() if not k.startswith("checks/")}
        write_sources(files, folder)
        for one in folder.glob("net*.c"):
            one.write_text(_short(one.read_text()))
        return _looked_at(folder)


def _short(text: str) -> str:
    """A program whose constants have one number each: they take minutes to read and say nothing."""
    return re.sub(r"= \{\n(?:[^\n;]*\n){4,}?\};", "= { 0 };", text)


def _looked_at(folder: Path) -> Counter[str]:
    command = [
        "cppcheck", "--addon=misra", "--std=c99", "--platform=arm32-wchar_t4", "--quiet", "-I.",
        "--template={id}", *(f"-D{one}" for one in MACROS), "net.c",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return Counter(re.findall(r"^misra-c2012-([\d.]+)$", done.stderr, re.MULTILINE))


def by_number(rule: str) -> tuple[int, ...]:
    """12.1 after 2.7."""
    return tuple(int(part) for part in rule.split("."))


def recorded() -> dict[str, dict[str, int]]:
    """The counts of docs/misra.md: by kind of network, then by rule."""
    return {
        kind: {row[0]: int(row[k + 2]) for row in held(PAGE, "misra")}
        for k, kind in enumerate(KINDS)
    }


def table(found: Mapping[str, Counter[str]]) -> str:
    """A row a rule: what it is about, the counts, and why."""
    rules = sorted(set().union(*found.values()), key=by_number)
    missing = [rule for rule in rules if rule not in REASONS]
    if missing:
        raise SystemExit(f"bench/misra_reasons.py says nothing of {', '.join(missing)}")
    rows = [
        [rule, REASONS[rule][0], *(str(one[rule]) for one in found.values()), REASONS[rule][1]]
        for rule in rules
    ]
    rows.append(["", "all", *(str(one.total()) for one in found.values()), ""])
    return markdown(["rule", "about", *found, "why it stays"], rows)


def main() -> None:
    """Writes the page; with --shared prints the counts of other networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path)
    asked = parser.parse_args()
    if asked.shared:
        models = {k: (asked.shared / "models" / v, Options(cpu=CPU)) for k, v in SHARED.items()}
        print(table({name: counts(*one) for name, one in models.items()}))
        return
    found = {}
    for kind, one in KINDS.items():
        found[kind] = counts(*one)
        print(kind, dict(found[kind]), file=sys.stderr, flush=True)
    put(PAGE, "misra", table(found))


if __name__ == "__main__":
    main()
