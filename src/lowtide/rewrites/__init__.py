"""Rewrites of a Graph before it is planned: each file says what it makes of what.

They know neither files nor memory.
"""
