"""From examples to a student: batches, losses, a teacher's scores, the one loop, and checkpoints
that resume bit by bit."""
