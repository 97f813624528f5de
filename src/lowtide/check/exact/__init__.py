"""What a network computes, in float64: by the `onnx` package's evaluator, node by node.

It knows nothing of the planner, the emitter and their graph: a file goes in, its outputs come out.
"""
