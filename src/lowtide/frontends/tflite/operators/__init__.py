"""TFLite's operators: a function each, which says in lowtide's operators what it computes.

They know nothing of how the file is stored.
"""
