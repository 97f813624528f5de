"""How often a network, as it is in its file, gives a picture's class the largest number."""

from __future__ import annotations

import onnx

from lowtide.codes import Array
from lowtide.errors import UsageError
from lowtide.weights.batch import session
from lowtide.weights.network import Inputs


def accuracy(model: onnx.ModelProto, inputs: Inputs, classes: Array, batch: int = 100) -> float:
    """The share of pictures that are right, in onnxruntime; raises UsageError without classes."""
    running = session(model)
    fixed = isinstance(running.get_inputs()[0].shape[0], int)
    right, size = 0, 1 if fixed else batch
    for begin in range(0, len(classes), size):
        part = {name: x[begin : begin + size] for name, x in inputs.items()}
        scores = running.run(None, part)[0]
        if scores.size % len(scores) or scores.reshape(len(scores), -1).shape[1] < 2:
            raise UsageError(f"the first output {scores.shape} is not one number for each class")
        found = scores.reshape(len(scores), -1).argmax(1)
        right += int((found == classes[begin : begin + size]).sum())
    return right / len(classes)
