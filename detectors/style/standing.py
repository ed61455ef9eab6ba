"""One suspect's scores against a book of stored answers, and what the same figures are for
strangers.

Built once for a suspect and read for every candidate. Knows arrays and texts; writes no report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.base import Null
from detectors.lineup import counted
from detectors.stats.openset import (
    FEWEST_STRANGERS,
    best_other,
    conformal,
    on_scale,
    rivals,
    scale_of,
    stranger_scores,
)
from detectors.style.attribution import Attribution

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
ROUNDS = 300
ROUNDS_OF_CUTS = 100
MATCHED = 1.5
# One for each pattern of answered prompts: most models of a collection answered the same ones.
MOST_CUTS = 64


@dataclass(frozen=True)
class Standing:
    """Where a candidate stands for one cut of the answers. Scores are normalised where ``normal``,
    else nats per answer.

    ``scores`` (authors,) in the scale of ``value``; ``raw`` (authors,) mean log-probabilities;
    ``null`` the strangers' values for this candidate; ``rounds`` (rounds, authors) the scores under
    resampling of prompts.
    """

    n: int
    normal: bool
    value: float
    margin: float | None
    rank: int
    scores: Array
    raw: Array
    null: Array
    null_margins: Array
    rounds: Array

    def interval(self, candidate: int | None = None) -> tuple[float, float]:
        """95 % percentile interval over the rounds: of the value, or of one author's score."""
        column = self.rounds[:, -1] if candidate is None else self.rounds[:, candidate]
        low, high = np.nanquantile(column, [0.025, 0.975])
        return float(low), float(high)

    @property
    def p(self) -> float | None:
        """Conformal p of the value among the strangers; None where scores could not be
        normalised."""
        return conformal(self.value, self.null)[1] if self.normal else None


class Strangers:
    """What the stored models get on a cut of prompts when they play the suspect: the same for every
    suspect and every candidate.

    ``first`` (authors, authors) are mean log-probabilities, row j model j's own; ``mean`` and
    ``spread`` (1 + rounds, authors) what strangers get from each author, in every round.
    """

    def __init__(
        self, attribution: Attribution, chosen: Flags, usable: Flags, drawn: Array
    ) -> None:
        self.vendors, self.usable = attribution.book.vendors, usable
        self.peers = attribution.book.population
        played = [
            _means(attribution.strangers[j], chosen[1 + j], drawn) for j in range(len(self.vendors))
        ]
        means = np.stack(played, axis=1)
        self.first: Array = means[0].copy()
        self.mean, self.spread = scale_of(means, self.vendors, usable)

    def of(self, candidate: int) -> Flags:
        """Who plays a stranger to the candidate, (authors,)."""
        foreign = (self.vendors != self.vendors[candidate]) & self.usable
        return np.asarray(foreign & np.isfinite(self.first[:, candidate]), dtype=bool)

    @cached_property
    def null(self) -> Array:
        """The strangers' scores with both norms, (authors, authors)."""
        return stranger_scores(self.first, self.vendors, self.usable, self.peers)

    @cached_property
    def margins(self) -> Array:
        """``null`` less the row's best score for a model of another vendor, NaN without one."""
        out = np.full_like(self.null, np.nan)
        held = np.where(np.isfinite(self.null), self.null, -np.inf)
        for vendor in np.unique(self.vendors):
            own = self.vendors == vendor
            best = held[:, ~own].max(axis=1, initial=-np.inf)
            out[:, own] = self.null[:, own] - np.where(np.isfinite(best), best, np.nan)[:, None]
        return out


class Bag:
    """One suspect's answers to a cut of prompts against the strangers': what all candidates share.

    ``raw`` (1 + rounds, authors) are its mean log-probabilities, ``n`` the number of prompts.
    """

    def __init__(self, strangers: Strangers, raw: Array, n: int) -> None:
        self.strangers, self.raw, self.n = strangers, raw, n

    @cached_property
    def scores(self) -> Array:
        """Both norms, (1 + rounds, authors)."""
        known = self.strangers
        return on_scale(self.raw, known.mean, known.spread, known.vendors, known.peers)

    def standing(self, candidate: int) -> Standing | None:
        """Where a candidate stands; None where no other author is left."""
        known, foreign = self.strangers, self.strangers.of(candidate)
        vendors, strangers = known.vendors, int(foreign.sum())
        if strangers < FEWEST_STRANGERS:
            return _raw_standing(self.raw, candidate, vendors, strangers, self.n)
        scores = self.scores[0]
        runner = best_other(scores, candidate, vendors)
        margins = known.margins[foreign, candidate]
        return Standing(
            n=self.n,
            normal=True,
            value=float(scores[candidate]),
            margin=None if runner is None else float(scores[candidate] - scores[runner]),
            rank=1 + int((scores > scores[candidate]).sum()),
            scores=scores,
            raw=self.raw[0],
            null=known.null[foreign, candidate],
            null_margins=margins[np.isfinite(margins)],
            rounds=np.column_stack([self.scores[1:], self.scores[1:, candidate]]),
        )


def standing(
    attribution: Attribution,
    log_p: Array,
    chosen: Flags,
    candidate: int,
    usable: Flags,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Standing | None:
    """The candidate's standing on the prompts that ``chosen`` selects.

    ``log_p`` (prompts, authors) is the suspect's, NaN where it has no answer. ``chosen`` is (1 +
    authors, prompts): which prompts count for the suspect (row 0) and for each stranger. None where
    no other author is left.
    """
    drawn = _draws(log_p.shape[0], rounds, seed)
    strangers = Strangers(attribution, chosen, usable, drawn)
    return Bag(strangers, _means(log_p, chosen[0], drawn), int(chosen[0].sum())).standing(candidate)


class Standings:
    """`standing` for many candidates and suspects of one classifier on prompts that count for all
    models alike: what candidates share is worked out once a suspect, what suspects share once."""

    def __init__(self, attribution: Attribution, *, rounds: int = ROUNDS, seed: int = 0) -> None:
        self.attribution = attribution
        self.drawn = _draws(len(attribution.book.prompts), rounds, seed)
        self._strangers: dict[bytes, Strangers] = {}
        self._bags: dict[bytes, Bag] = {}
        self._suspect: Array | None = None

    def of(self, log_p: Array, answered: Flags, candidate: int, usable: Flags) -> Standing | None:
        """The candidate's standing on the prompts ``answered`` (prompts,); ``log_p`` and ``usable``
        as for `standing`."""
        if log_p is not self._suspect:
            self._suspect, self._bags = log_p, {}
        cut = answered.tobytes() + usable.tobytes()
        if cut not in self._bags:
            raw = _means(log_p, answered, self.drawn)
            self._bags[cut] = Bag(self._played(cut, answered, usable), raw, int(answered.sum()))
        return self._bags[cut].standing(candidate)

    def _played(self, cut: bytes, answered: Flags, usable: Flags) -> Strangers:
        if cut not in self._strangers:
            if len(self._strangers) >= MOST_CUTS:
                self._strangers.clear()
            chosen = all_prompts(answered, len(usable))
            self._strangers[cut] = Strangers(self.attribution, chosen, usable, self.drawn)
        return self._strangers[cut]


def _raw_standing(
    raw: Array, candidate: int, vendors: NDArray[np.str_], n_null: int, n: int
) -> Standing | None:
    runner = best_other(raw[0], candidate, vendors)
    if runner is None:
        return None
    margin = float(raw[0, candidate] - raw[0, runner])
    others = rivals(vendors, candidate)
    resampled = raw[1:, candidate] - raw[1:, others].max(axis=1)
    rank = 1 + int((raw[0] > raw[0, candidate]).sum())
    empty = np.full(n_null, np.nan)
    return Standing(
        n,
        False,
        margin,
        margin,
        rank,
        raw[0],
        raw[0],
        empty,
        empty,
        np.column_stack([raw[1:], resampled]),
    )


@lru_cache(maxsize=8)
def _draws(prompts: int, rounds: int, seed: int) -> Array:
    """How often each prompt is drawn: a first row of ones, then ``rounds`` bootstrap draws of
    prompts. Remembered, to be read only: every candidate's cuts are drawn alike."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(prompts, np.full(prompts, 1 / prompts), size=rounds)
    out = np.vstack([np.ones(prompts), drawn])
    out.flags.writeable = False
    return out


def _means(log_p: Array, chosen: Flags, drawn: Array) -> Array:
    """Weighted means over prompts, (1 + rounds, authors); NaN columns stay NaN, prompts without
    an answer don't count."""
    missing = np.isnan(log_p)
    held = chosen & ~missing.all(axis=1)
    total = (drawn @ held.astype(float))[:, None]
    sums = drawn @ np.where(missing | ~held[:, None], 0.0, log_p)
    out = np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)
    out[:, missing[held].any(axis=0)] = np.nan
    return np.asarray(out)


def all_prompts(answered: Flags, authors: int) -> Flags:
    """The cut that leaves nothing out: the suspect's prompts, for strangers too."""
    return np.tile(answered, (1 + authors, 1))


def length_matched(
    answered: Flags, lengths: Array, suspect: Sequence[float], candidate: int
) -> Flags:
    """The cut to prompts on which a model's and the candidate's answers differ in length by a
    factor of at most 1.5.

    ``lengths`` (authors, prompts) in characters, 0 where there is none; ``suspect`` likewise,
    (prompts,). Strangers are matched with the candidate in the same way, each on its own prompts.
    """
    everyone = np.vstack([np.asarray(suspect, dtype=float), lengths])
    against = lengths[candidate]
    low, high = np.minimum(everyone, against), np.maximum(everyone, against)
    return np.asarray((high <= MATCHED * low) & (low > 0) & answered, dtype=bool)


def null_of_standing(
    main: Standing, vendors: NDArray[np.str_], candidate: int, usable: Flags
) -> Null:
    """The unrelated models' values as a record: who they are, how they spread, how many reach
    the candidate's value."""
    others = len(set(vendors[(vendors != vendors[candidate]) & usable].tolist()))
    n = len(main.null)
    population = (
        f"{counted(n, 'stored model')} of {counted(others, 'other vendor')}, each playing the"
        " suspect on the same prompts with its own vendor left out of the classifier; models of"
        " one vendor are not independent"
    )
    if not main.normal:
        return Null(n=n, population=f"{population}; too few to normalise by, at least 3 are needed")
    marks = (("0.50", 0.5), ("0.90", 0.9), ("0.95", 0.95), ("0.99", 0.99))
    return Null(
        n=n,
        mean=float(main.null.mean()),
        sd=float(main.null.std(ddof=1)),
        at_least=int((main.null >= main.value).sum()),
        p=main.p,
        quantiles=tuple((name, float(np.quantile(main.null, q))) for name, q in marks),
        population=population,
    )
