"""Do many answers begin or end in the very same words? Whoever serves a model may add them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

WIDTH = 24
"""Characters that must agree: ordinary openings ("Sure! Here are some …") part before that."""
MOST = 0.5
"""The share of answers from which it is told: models of their own accord stay far below."""
FEWEST = 20
"""Answers below which a share says little."""


def shared_edges(texts: Sequence[str]) -> tuple[int, int]:
    """How many texts begin as the most do, and how many end as the most do, over `WIDTH`
    characters without white space around; 0 where it is less than the share `MOST`, or where there
    are fewer than `FEWEST` texts longer than that."""
    long = [t for t in (text.strip() for text in texts) if len(t) > 2 * WIDTH]
    if len(long) < FEWEST:
        return 0, 0
    return _commonest(t[:WIDTH] for t in long), _commonest(t[-WIDTH:] for t in long)


def _commonest(edges: Iterable[str]) -> int:
    counts = Counter(edges)
    n = counts.most_common(1)[0][1]
    return n if n >= MOST * counts.total() else 0
