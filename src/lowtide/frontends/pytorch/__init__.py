"""A PyTorch module to the ONNX network that is read in its place.

Nothing else needs torch to read a network; here it is loaded when a module comes, and not before.
"""
