"""The kinds of audit: one folder a kind, and the frame that they share."""
