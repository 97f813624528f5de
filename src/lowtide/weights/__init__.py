"""Weights that are stored small and generated when they are needed.

One format (`format.Generated`: W = V (U B), low-bit factors with a scale per vector) is what
`compress` makes without training, `train` with it, what ONNX files hold and what C executes.
Nothing here but `train` needs torch.
"""
