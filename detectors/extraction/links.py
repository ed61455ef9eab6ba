"""Which accounts belong together beyond chance: accounts that use one template *and* share one
attribute more often than the attribute's own spread explains, without asking the same prompts.

A shared template alone ties nobody (a popular tool has one), nor a shared network alone (a
university has one), nor both where everybody asks the same prompts (a classroom does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import binom

Floats = NDArray[np.float64]
ALPHA = 1e-3
"""All groups of a log that are tied by chance, together: Bonferroni over every group tested."""
MOST_SHARED = 0.3
"""Of a template's prompts the share that other accounts asked, too, from which on they are copies
of one list of questions rather than parts of one."""


@dataclass(frozen=True)
class TiedGroup:
    """Accounts that share an attribute's value, and use one template unless it is None: how many
    they are, how many use the template and how many have the value, and the share of their prompts
    that others asked, too."""

    kind: int
    value: int
    word: str
    template: int | None
    n: int
    n_template: int
    n_value: int
    overlap: float


@dataclass(frozen=True)
class GroupTest:
    """A group that ties its accounts, and how likely chance is to make one as large, after
    correction for all that were looked at; None: tied by what one customer owns."""

    group: TiedGroup
    p_value: float | None


def beyond_chance(groups: Sequence[TiedGroup], n_accounts: int) -> tuple[list[GroupTest], int]:
    """The groups that tie their accounts, and how many were tested.

    Of the accounts that use a template, one has the value that is looked at; each of the others has
    it with the value's share of all accounts. p is the binomial tail of that, times the number of
    groups looked at: conservative where templates and attributes are independent, as accounts of a
    popular tool on a shared network are.
    """
    owned = [GroupTest(g, None) for g in groups if g.template is None]
    asked = [g for g in groups if g.template is not None]
    if not asked:
        return owned, 0
    p = np.minimum(1.0, len(asked) * by_chance(asked, n_accounts))
    good = [
        GroupTest(g, float(value))
        for g, value in zip(asked, p, strict=True)
        if value <= ALPHA and g.overlap <= MOST_SHARED
    ]
    return owned + good, len(asked)


def by_chance(groups: Sequence[TiedGroup], n_accounts: int) -> Floats:
    """Of each group, the chance that so many users of its template share its value.

    >>> one = TiedGroup(0, 1, "", 7, n=12, n_template=12, n_value=12, overlap=0.0)
    >>> bool(by_chance([one], 10_000)[0] < 1e-20)
    True
    """
    n = np.array([g.n for g in groups], dtype=np.float64)
    users = np.array([g.n_template for g in groups], dtype=np.float64)
    share = np.array([g.n_value for g in groups], dtype=np.float64) / n_accounts
    return np.asarray(binom.sf(n - 2, users - 1, share), dtype=np.float64)


def components(
    accounts: NDArray[np.uint64],
    ties: Sequence[tuple[NDArray[np.uint64], NDArray[np.int64]]],
) -> NDArray[np.int64]:
    """The unit of each account, numbered from 0: those that groups tie, directly or through others,
    share one. ``accounts`` is sorted; ``ties`` holds members with the number of their group."""
    n = len(accounts)
    if not ties:
        return np.arange(n, dtype=np.int64)
    member = np.concatenate([np.searchsorted(accounts, a) for a, _ in ties])
    group = np.concatenate([g for _, g in ties])
    size = n + int(group.max()) + 1
    graph = coo_matrix((np.ones(len(member)), (member, n + group)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    _, units = np.unique(labels[:n], return_inverse=True)
    return np.asarray(units, dtype=np.int64)
