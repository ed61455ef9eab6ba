"""`auditor audit`: was the suspect trained on a stored model's answers? Ask, compare, weigh,
tell."""
