"""Is this endpoint serving the model that it claims? Asks both the same, and compares."""
