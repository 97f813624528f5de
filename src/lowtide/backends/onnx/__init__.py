"""Plain ONNX: a graph as a model of standard operators, node by node in its order."""

from lowtide.backends.onnx.emit import emit

__all__ = ["emit"]
