"""Texts read: features, n-grams, claims, vendors, refusals. Knows no model and no case."""
