"""Simulated traffic of an API: ordinary accounts of many kinds, and campaigns of known truth."""
