"""One kind of file each, to the one Graph.

Nothing else knows where a network came from.
"""
