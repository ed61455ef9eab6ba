"""Signals, ties and scores of accounts, on arrays."""
