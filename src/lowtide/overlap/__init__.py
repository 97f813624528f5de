"""From lifetimes of rows to the offsets at which two storages may not lie.

It knows no operators, only what lives when.
"""
