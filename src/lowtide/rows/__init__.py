"""Operators as rows: who makes, reads and frees which row of which storage.

It knows neither order nor addresses.
"""
