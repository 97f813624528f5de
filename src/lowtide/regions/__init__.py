"""Boxes of elements: what is read to make them, and operators cut down to them.

It knows no storages.
"""
