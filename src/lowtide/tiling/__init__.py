"""Networks made tile by tile, written as plain graphs (--target onnx).

It knows nothing of arenas and rows.
"""
