"""Many recipes for one network, and which of the results no other beats.

It knows nothing of how a plan is made.
"""
