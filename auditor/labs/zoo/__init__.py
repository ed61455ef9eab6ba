"""The weight zoo: checkpoints of known descent, and ways to make them."""
