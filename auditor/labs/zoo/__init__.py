"""The weight zoo: small checkpoints of known descent, and the ways a checkpoint is copied,
disguised, cut and rounded."""
