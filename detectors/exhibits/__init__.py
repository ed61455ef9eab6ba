"""How a detector's finding is shown: its tables, charts and quoted answers."""
