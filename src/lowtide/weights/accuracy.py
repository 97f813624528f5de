"""How often a network gives a picture's class the largest number; how far it is from another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from lowtide.errors import UsageError
from lowtide.ir.codes import Array
from lowtide.ir.original import Apart
from lowtide.weights.batch import session
from lowtide.weights.network import Inputs


def accuracy(model: onnx.ModelProto, inputs: Inputs, classes: Array, batch: int = 100) -> float:
    """The share of pictures that are right, in onnxruntime; raises UsageError without classes."""
    running = session(model)
    fixed = running.get_inputs()[0].shape[0]
    right, size = 0, fixed if isinstance(fixed, int) else batch
    for begin in range(0, len(classes), size):
        index = np.arange(begin, begin + size)
        if size != fixed:
            index = index[index < len(classes)]
        part = {name: x[index % len(classes)] for name, x in inputs.items()}
        scores = running.run(None, part)[0]
        if scores.size % len(scores) or scores.reshape(len(scores), -1).shape[1] < 2:
            raise UsageError(f"the first output {scores.shape} is not one number for each class")
        expected = classes[begin : begin + size]
        found = scores.reshape(len(scores), -1).argmax(1)[: len(expected)]
        right += int((found == expected).sum())
    return right / len(classes)


def apart(on: str, outputs: Sequence[Array], dense: Sequence[Array]) -> Apart:
    """The largest difference of outputs, absolutely and against the largest value of each."""
    gaps = [float(np.abs(y - ref).max(initial=0)) for y, ref in zip(outputs, dense, strict=True)]
    most = [float(np.abs(ref).max(initial=0)) for ref in dense]
    shares = [gap / size if size else 0.0 for gap, size in zip(gaps, most, strict=True)]
    return Apart(on, max(gaps, default=0.0), max(shares, default=0.0))
