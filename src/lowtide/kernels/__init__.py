"""Faster ways to make rows: what each matches, needs, overwrites, and its C.

They know the arithmetic of an operator, not its name, and nothing of plans.
"""
