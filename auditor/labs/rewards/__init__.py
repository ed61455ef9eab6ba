"""Learning by rewards without a teacher: the countdown puzzles, GRPO, and what a control made so
tells."""
