"""Pictures and arrays to run a network on.

It knows nothing of the network but its inputs' names and shapes.
"""
