"""The report that every kind of audit fills: arranged as a document, and as a folder on disk."""
