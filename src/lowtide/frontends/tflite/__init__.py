"""Reads .tflite files: every operator becomes operators of the one Graph, constants are folded.

It knows flatbuffers and TFLite's arithmetic, and nothing of planning, kernels and C.
"""
