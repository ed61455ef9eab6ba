"""Measures records: pure functions of what models said, without a model, a network or a file."""
