"""The laboratory: models of known history and descent, and learning by rewards alone."""
