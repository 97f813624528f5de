"""From a Graph to a Plan, and what a plan costs.

It knows neither files nor C: which kernels there are it asks `kernels`.
"""
