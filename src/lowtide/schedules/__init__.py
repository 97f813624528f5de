"""Which rows of which operator are computed when: one schedule a file.

They know neither addresses nor C.
"""
