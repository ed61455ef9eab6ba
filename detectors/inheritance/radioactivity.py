"""Does the suspect prefer the tokens that a secret key made green in its teacher's answers?

Radioactivity of watermarked training text (Sander et al. 2024, arXiv 2402.14904) with the green
lists of Kirchenbauer et al. 2023 (2301.10226). Pure functions of ids: knows no model, no file and
no verdict.

**Why the p-value is exact.** The key was drawn by lot and shown to nobody, so whoever did not learn
from marked text is independent of it. Given everything that the suspect wrote, only the key is
random, and after each context a list of exactly ``n_green`` of ``vocabulary`` tokens is green, any
such list as likely as any other. So one token after one context is green with the chance
``n_green / vocabulary``, whatever the suspect is, however it writes. Tokens after different
contexts meet different lists: they are independent. The same token after the same context meets the
same fate, and counts once. Different tokens after one context share out one list: their number of
green ones is hypergeometric, which is a sum of independent (unlike) coins (Vatutin and Mikhailov
1982), and the binomial tail at or beyond one above its mean bounds the tail of such a sum from
above (Hoeffding 1956): the binomial p-value errs to the safe side there, by nothing that one sees
while a context has far fewer tokens than the vocabulary.

**What must be left out.** A text that was written with the key carries it without any learning: a
context that stands in what the suspect was given (its prompt) may be continued by copying. And
where the suspect is put behind the beginnings of marked texts, those texts tell of the key: the
list after a context is still a secret to everything before its *first* occurrence in all marked
texts, read in a fixed order, and only there may a choice be counted. One choice a context, each
independent of all before it: S is binomial exactly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from detectors.stats.green_lists import GreenLists, Ids, depends_on_key
from fingerprints.plants import GreenScheme

NAME = "radioactivity"
FEWEST = 50
"""Tokens below which nothing is said: not even a suspect that is green by a quarter more often
than by chance would be found at p 0.001 in nine of ten cases."""
LEADS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
"""By how much more often than by chance a token is green, in the alternatives that the e-value
bets on, all alike: from a trace of marked text to nothing but that."""
Way = Literal["written", "forced"]


@dataclass(frozen=True)
class TokenPairs:
    """Tokens after contexts, each pair once, in the order in which they were found.

    ``seen``: how many there were before any was left out; ``repeated`` of them stood there twice,
    ``given`` had their context in what the suspect had been given, ``keyless`` a context that no
    key reaches.
    """

    contexts: Ids
    tokens: Ids
    seen: int
    repeated: int
    given: int
    keyless: int

    @property
    def n(self) -> int:
        """How many are counted."""
        return len(self.tokens)


@dataclass(frozen=True)
class GreenCount:
    """How many of ``n`` tokens were green under one key, and how that compares with ``chance``."""

    n: int
    green: int
    chance: float

    @property
    def share(self) -> float:
        """The share of green tokens."""
        return self.green / self.n if self.n else self.chance

    @property
    def p_value(self) -> float:
        """P(Binomial(n, chance) ≥ green): one-sided, exact."""
        from scipy.stats import binom  # loaded where it is needed: its library takes a second

        return float(binom.sf(self.green - 1, self.n, self.chance))

    @property
    def p_floor(self) -> float:
        """The smallest p-value that could have come out: all of them green."""
        return float(self.chance**self.n)

    @property
    def log10_e(self) -> float:
        """log10 of a fair bet's winnings: the mean over `LEADS` of the likelihood ratios of a coin
        that shows green more often, against the coin of chance. Its mean under chance is at most
        one, hypergeometric counts included (Hoeffding 1963)."""
        leads = np.array([lead for lead in LEADS if self.chance + lead < 1])
        up = self.chance + leads
        logs = self.green * np.log(up / self.chance)
        logs += (self.n - self.green) * np.log((1 - up) / (1 - self.chance))
        return float((logsumexp(logs) - np.log(len(leads))) / np.log(10))


def written_pairs(answers: Sequence[Sequence[int]], given: Sequence[Sequence[int]]) -> TokenPairs:
    """What can be counted of answers that a suspect wrote itself: ids of each answer, and of what
    it had been given for it (the prompt), in any order."""
    return _distinct(
        (context, token, context in before)
        for answer, prompt in zip(answers, given, strict=True)
        for before in (frozenset(prompt),)
        for context, token in pairwise(answer)
    )


@dataclass(frozen=True)
class MarkedText:
    """A text that was written with the key, as ids; what was asked for it; and what the suspect
    would have written at some of its places (place: the token in place of ``ids[place]``)."""

    ids: Sequence[int]
    given: Sequence[int]
    chosen: dict[int, int]


def forced_pairs(texts: Sequence[MarkedText]) -> TokenPairs:
    """What can be counted of a suspect's choices behind the beginnings of marked texts: the first
    occurrence of each context in all of them, in the order given, which must not depend on the
    suspect. The token that the text itself went on with plays no part in it."""
    return _distinct(_first_occurrences(texts))


def _first_occurrences(texts: Sequence[MarkedText]) -> Iterator[tuple[int, int, bool]]:
    met: set[int] = set()
    for text in texts:
        given = frozenset(text.given)
        for place, context in enumerate(text.ids[:-1], 1):
            if context not in met and place in text.chosen:
                yield context, text.chosen[place], context in given
            # Met, whether it was counted or not: the text goes on by this context's list.
            met.add(context)


def _distinct(pairs: Iterator[tuple[int, int, bool]]) -> TokenPairs:
    kept: dict[tuple[int, int], None] = {}
    seen = repeated = given = keyless = 0
    for context, token, was_given in pairs:
        seen += 1
        if was_given:
            given += 1
        elif not depends_on_key(context):
            keyless += 1
        elif (context, token) in kept:
            repeated += 1
        else:
            kept[context, token] = None
    both = np.array(list(kept), dtype=np.int64).reshape(-1, 2)
    return TokenPairs(both[:, 0], both[:, 1], seen, repeated, given, keyless)


def count_green(pairs: TokenPairs, scheme: GreenScheme, key: int) -> GreenCount:
    """How many of the pairs one key makes green. Raises ValueError for ids beyond the vocabulary:
    they are another tokenizer's."""
    if pairs.n and max(int(pairs.tokens.max()), int(pairs.contexts.max())) >= scheme.vocabulary:
        raise ValueError("ids lie beyond the vocabulary that the watermark was made for")
    lists = GreenLists(key, scheme.vocabulary, scheme.n_green)
    green = lists.green(pairs.contexts, pairs.tokens)
    return GreenCount(pairs.n, int(green.sum()), scheme.chance)


def first(pairs: TokenPairs, n: int) -> TokenPairs:
    """The first ``n`` pairs: which they are depends on no key."""
    return replace(pairs, contexts=pairs.contexts[:n], tokens=pairs.tokens[:n])


def unused_keys(n: int, seed: int, used: int) -> list[int]:
    """``n`` different keys, none of them the one that was used, drawn like it: what it looks like
    if nobody learned anything."""
    draws: NDArray[np.int64] = np.random.default_rng(seed).integers(2**30, 2**31, 2 * n + 16)
    keys = dict.fromkeys(2 * int(k) + 1 for k in draws)
    return [key for key in keys if key != used][:n]


def tokens_needed(lead: float, chance: float, alpha: float, power: float = 0.9) -> int:
    """How many tokens find, at ``alpha`` and with ``power``, a suspect whose tokens are green by
    ``lead`` more often than by chance; by the normal approximation, rounded up.

    >>> tokens_needed(0.05, 0.25, 1e-5)
    2351
    """
    from scipy.stats import norm

    spread = np.sqrt(chance * (1 - chance))
    other = np.sqrt((chance + lead) * (1 - chance - lead))
    return int(np.ceil(((norm.isf(alpha) * spread + norm.ppf(power) * other) / lead) ** 2))


def power_at(n: int, lead: float, chance: float, alpha: float, log10_e: float = -np.inf) -> float:
    """How often ``n`` tokens give a p-value at or below ``alpha``, and an e-value of ``log10_e`` or
    more, where each is green by ``lead`` more often than by chance; exact."""
    from scipy.stats import binom  # loaded where it is needed: its library takes a second

    least = int(binom.isf(alpha, n, chance)) + 1
    # Both rise with the green tokens; of many tokens the bet asks for more.
    least += bisect_left(
        range(least, n + 1), log10_e, key=lambda green: GreenCount(n, green, chance).log10_e
    )
    return float(binom.sf(least - 1, n, min(1.0, chance + lead)))
