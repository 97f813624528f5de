"""Pictures and tables of plans.

It reads plans and decides nothing.
"""
