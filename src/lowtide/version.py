"""The version of lowtide, which is written into what it makes."""

__version__ = "0.1.0"
