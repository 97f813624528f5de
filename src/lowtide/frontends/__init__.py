"""One kind of file each, to the one Graph.

Nothing else knows where a network came from.
"""

ONNX_BEGINS = b"\x08"
"""The first byte of an ONNX file: the field of its IR version, which every writer puts first."""
