"""Rewrites of ONNX models: each takes a model and returns the same network, written more simply.

They know nothing of memory.
"""
