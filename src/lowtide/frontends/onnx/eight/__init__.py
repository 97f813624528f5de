"""A Graph of QDQ groups becomes one of 8-bit operators, as onnxruntime fuses them.

It knows what scales and zero points make of an operator, and nothing of ONNX's files.
"""
