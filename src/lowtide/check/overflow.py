"""Where a network itself leaves float32's range: what float32 gives there is a matter of order.

    3e38 + 1e38 - 2e38       infinite, or 2e38 where the last two are added first

The sum of all magnitudes bounds every partial sum. An element for which it is beyond float32 is
*open*: NaN in what is expected, as is all that is computed from it, and anything is right there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx

from lowtide.check.exact.evaluate import Values, evaluate, label, run_node
from lowtide.ir.graph import Array


def overflow(model: onnx.ModelProto, inputs: Values) -> tuple[str, tuple[Array, ...]]:
    """The first node that may overflow, in words, and the outputs with NaN where that shows.

    No node, "", where none may. Raises NotEvaluated.
    """
    found = _Overflow()
    made = evaluate(model, inputs, run=found.run)
    return found.first, made


class _Overflow:
    """Runs nodes, and runs them on magnitudes."""

    def __init__(self) -> None:
        self.first = ""

    def run(
        self, node: onnx.NodeProto, values: Values, opsets: Mapping[str, int]
    ) -> dict[str, Array]:
        """What a node makes, NaN where it may overflow."""
        made = run_node(node, values, opsets)
        sizes = {name: np.abs(x) if x.dtype.kind == "f" else x for name, x in values.items()}
        bounds = run_node(node, sizes, opsets)
        for name, y in made.items():
            lost = np.isinf(bounds[name]) if y.dtype.kind == "f" else np.zeros(y.shape, bool)
            if lost.any():
                self.first = self.first or label(node)
                made[name] = np.where(lost, np.nan, y)
        return made
