"""ONNX files, checked, made static and simple, to a Graph.

Only here are opsets, ONNX's functions and its shape inference known.
"""
