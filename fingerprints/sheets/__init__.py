"""Sheets of questions that a person puts to a product by hand, and how filled ones are read: for
products that can be chatted with and not called."""
