"""The classical problem: whole buffers with lifetimes, in google/minimalloc's files.

It knows no networks.
"""
