"""Importers: each takes one kind of trained network in as a checked, static, simple model."""
