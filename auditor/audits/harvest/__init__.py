"""Was this model trained on answers that were served? An owner's log and twins of its answers, and
an exact test."""
