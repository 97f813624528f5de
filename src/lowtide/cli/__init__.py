"""The command line: one command a file, options in one place.

It holds no logic, and nothing below knows that there is a terminal.
"""
