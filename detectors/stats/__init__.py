"""Arrays in, numbers out: intervals, p-values, likelihood ratios, fusion, bounds, trees. Knows
no text and no case."""
