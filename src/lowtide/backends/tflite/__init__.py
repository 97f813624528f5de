"""A .tflite file with a plan of its memory for TensorFlow Lite Micro, which stays its interpreter.

It must not know how a plan is checked, nor what lowtide makes of a network of its own.
"""
