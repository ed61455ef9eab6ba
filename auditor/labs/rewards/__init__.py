"""Learning by rewards without a teacher: countdown puzzles, GRPO, and controls made so."""
