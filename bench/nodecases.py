"""ONNX's node cases with float32 outputs, through the generated C at both levels of the judge.

    python -m bench.nodecases [--write] [WORD ..]

Prints how many runs passed, were refused (with the reason) or failed; --write puts that into
docs/node-cases.md. WORDs choose the runs whose names hold one of them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import onnx

from bench.tables import markdown, put

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests/builders"))  # what a case is stands there

from node_cases import Outcome, collect, outcomes  # noqa: E402

DOCUMENT = ROOT / "docs" / "node-cases.md"

# The operators of issue 6, whose cases are counted apart.
_WORDS = """
    Min Max Sum Mean Pow Neg Abs Log Sqrt Erf Floor Ceil Round Reciprocal PRelu Elu Selu Celu Gelu
    Tanh Softplus Softsign Mish ThresholdedRelu InstanceNormalization LayerNormalization
    GroupNormalization LRN LpNormalization LogSoftmax ReduceMean ReduceSum ReduceMax ReduceMin
    ReduceL1 ReduceL2 ReduceProd ArgMax ArgMin Expand Tile Gather Where Resize Upsample SpaceToDepth
    CumSum Cast Einsum MatMul LSTM GRU QuantizeLinear DequantizeLinear
    """
WANTED = frozenset(_WORDS.split())


def cases(found: Sequence[Outcome]) -> list[Outcome]:
    """One outcome a case: that of the run as the case stands."""
    return [one for one in found if not one.name.endswith("-constants")]


def wanted(found: Sequence[Outcome]) -> list[Outcome]:
    """The cases of the operators of issue 6, and of those written out by others (_expanded)."""
    named = {one.name for one in cases(found) if one.family in WANTED}
    return [one for one in cases(found) if re.sub(r"_expanded.*", "", one.name) in named]


def table(found: Sequence[Outcome]) -> str:
    """Passed, refused and failed, of the cases and of all runs."""
    rows = []
    sets = (
        ("cases of issue 6's operators", wanted(found)),
        ("all cases", cases(found)),
        ("all runs", found),
    )
    for what, chosen in sets:
        counts = Counter(one.verdict for one in chosen)
        numbers = (len(chosen), counts["passed"], counts["refused"], counts["failed"])
        rows.append((what, *map(str, numbers)))
    head = (f"onnx {onnx.__version__}, float32 outputs", "number", "passed", "refused", "failed")
    return markdown(head, rows)


def reasons(found: Sequence[Outcome]) -> str:
    """A line for each refused run."""
    rows = [(o.name, _reason(o)) for o in sorted(found, key=lambda o: o.name) if o.why]
    return markdown(("run", "why it is refused"), rows)


def _reason(one: Outcome) -> str:
    return one.why.removeprefix(f"test_{one.name.removesuffix('-constants')}: ").replace("|", "/")


def main() -> None:
    """Runs the cases and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    chosen = [
        run
        for name, run in collect().items()
        if not asked.words or any(word in name for word in asked.words)
    ]
    found = outcomes(chosen)
    print(table(found))
    by_reason = defaultdict(list)
    for one in found:
        if one.verdict != "passed":
            by_reason[one.verdict, re.sub(r"'[^']*'", "..", _reason(one))].append(one.name)
    for (verdict, why), names in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(names):4} {verdict}: {why}\n       {', '.join(names[:3])}")
    if asked.write:
        put(DOCUMENT, "table", table(found))
        put(DOCUMENT, "reasons", reasons(found))
    sys.exit(any(one.verdict == "failed" for one in found))


if __name__ == "__main__":
    main()
