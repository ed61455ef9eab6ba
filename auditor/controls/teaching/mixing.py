"""Who answers which prompt, so that every source has its dose. Knows ids; knows no text.

The order of prompts is a hashed one under the seed, and a longer mix begins with the shorter one:
the prompts that a teacher answers at a dose of 5 % are among those that it answers at 25 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def taught_count(total: int, dose: float) -> int:
    """How many of ``total`` examples come from teachers: the dose, rounded half up, exactly.

    >>> taught_count(10, 0.25), taught_count(10, 0.05), taught_count(10, 0)
    (3, 1, 0)
    """
    return int(Fraction(str(dose)) * total + Fraction(1, 2))


def turns(count: int, shares: Sequence[float]) -> list[int]:
    """Whose turn each of ``count`` examples is, by place in ``shares``: who is furthest behind.

    Every prefix is as balanced as it can be (two sources: within one example). The first of equals
    comes first.

    >>> turns(6, [2, 1])
    [0, 1, 0, 0, 1, 0]
    """
    # Fractions, so that no turn hangs on how a sum of floats was rounded.
    exact = [Fraction(str(share)) for share in shares]
    whole = sum(exact)
    given = [0] * len(exact)
    out = []
    for n in range(1, count + 1):
        place = max(range(len(exact)), key=lambda i: (exact[i] * n / whole - given[i], -i))
        given[place] += 1
        out.append(place)
    return out


def assign(ids: Sequence[str], dose: float, shares: Sequence[float]) -> list[list[str]]:
    """Splits ordered ids among teachers and, last, the filler: the first ones are taught."""
    taught = taught_count(len(ids), dose) if shares else 0
    out: list[list[str]] = [[] for _ in (*shares, "filler")]
    for key, place in zip(ids[:taught], turns(taught, shares), strict=True):
        out[place].append(key)
    out[-1] = list(ids[taught:])
    return out


def exact_counts(available: Sequence[int], dose: float, shares: Sequence[float]) -> list[int]:
    """How many examples of each source, the filler last, make the largest mix of the dose.

    ``available`` is what each source could give after filtering. All zero where no such mix exists.
    """
    order = turns(sum(available[:-1]), shares) if shares else []
    # How many taught examples the teachers allow: the longest prefix of turns that none of them
    # runs short in.
    most, used = 0, [0] * len(shares)
    for place in order:
        used[place] += 1
        if used[place] > available[place]:
            break
        most += 1
    for total in range(sum(available), 0, -1):
        taught = taught_count(total, dose) if shares else 0
        if taught <= most and total - taught <= available[-1]:
            return [*(order[:taught].count(i) for i in range(len(shares))), total - taught]
    return [0] * len(available)
