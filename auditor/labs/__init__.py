"""The laboratory: populations of models of known history, weights of known descent, learning by
rewards alone."""
