"""From sources of text to the prompts that are asked: pools, duplicates, quality, difficulty,
the audit's probes kept out."""
