"""Log shares of wording → one margin a maker: centred by strangers, averaged, contrasted with the
best other maker.

Knows arrays and who made which model; knows no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.base import Rank
from detectors.lineup import Lineup
from detectors.pairing import FEWEST

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
ROUNDS = 300


@dataclass(frozen=True)
class Margins:
    """One suspect against all stored models.

    ``centred`` (prompts, models) are the log shares less the strangers' mean, NaN where there is
    none; ``scores`` (models,) their means, NaN for a model with fewer than 20; ``rounds`` (rounds,
    models) the means under resampling of prompts; ``played`` (strangers, models) the strangers' own
    scores, NaN for models of their maker.
    """

    lineup: Lineup
    centred: Array
    scores: Array
    rounds: Array
    played: Array

    def _spoken(self, scores: Array) -> Array:
        """Scores (rows, models) of those that stand for their maker, NaN for other guests."""
        return np.where(self.lineup.speakers, scores, np.nan)

    @cached_property
    def _means(self) -> dict[str, Array]:
        """Each maker's mean score, (1,)."""
        return _by_vendor(self._spoken(self.scores[None]), self.lineup.vendors)

    @cached_property
    def _values(self) -> Array:
        return np.asarray(contrasts(self._spoken(self.scores[None]), self.lineup.vendors)[0])

    @cached_property
    def _redrawn(self) -> Array:
        return contrasts(self._spoken(self.rounds), self.lineup.vendors)

    @cached_property
    def _nulls(self) -> Array:
        return contrasts(self._spoken(self.played), self.lineup.vendors)

    def value(self, place: int) -> float:
        """The maker's mean score less the best other maker's, in nats; NaN where either is
        missing."""
        return float(self._values[place])

    @property
    def familiarity(self) -> float | None:
        """What the suspect shares with the stored models at large beyond what strangers share with
        them, in nats: the mean over makers of several models, one model being too little to tell a
        maker from its oddities. None where no maker has two that can be compared."""
        spoken, vendors = self._spoken(self.scores[None])[0], self.lineup.vendors
        held = (spoken[vendors == v] for v in sorted(set(vendors.tolist())))
        means = [float(np.nanmean(s)) for s in held if np.isfinite(s).sum() > 1]
        return float(np.mean(means)) if means else None

    def interval(self, place: int) -> tuple[float, float]:
        """95 % percentile interval of the value under resampling of prompts."""
        return _ends(self._redrawn[:, place])

    def model_interval(self, place: int) -> tuple[float, float]:
        """95 % percentile interval of one model's score under resampling of prompts."""
        return _ends(self.rounds[:, place])

    def null(self, place: int) -> Array:
        """The value of each stored model as the suspect, (models,), its own maker's models out of
        the contrast; NaN for models of the candidate's maker."""
        out = self._nulls[:, place].copy()
        out[self.lineup.vendors == self.lineup.vendors[place]] = np.nan
        return out

    def prompts(self, place: int) -> int:
        """On how many prompts the suspect and this model were compared."""
        return int(np.isfinite(self.centred[:, place]).sum())

    def rank(self, place: int) -> Rank:
        """The maker's place among the makers, 1 for the most alike."""
        mine = self._means[str(self.lineup.vendors[place])][0]
        known = [m[0] for m in self._means.values() if np.isfinite(m[0])]
        return Rank(position=1 + sum(m > mine for m in known), of=len(known))

    def best_other(self, place: int) -> str:
        """The other maker that comes nearest, as it is called in the store."""
        others = {
            v: m[0]
            for v, m in self._means.items()
            if v != self.lineup.vendors[place] and np.isfinite(m[0])
        }
        best = max(sorted(others), key=lambda v: others[v])
        teacher = self.lineup.teachers[self.lineup.vendors.tolist().index(best)]
        return str(teacher.name if self.lineup.one_vendor else teacher.vendor or teacher.name)

    def telling(self, place: int, most: int) -> list[tuple[int, float]]:
        """The prompts on which the model's log share exceeds the other makers' mean most, with
        by how much; above 0 only."""
        others = self.centred[:, self.lineup.strangers(place)]
        n = np.maximum(np.isfinite(others).sum(axis=1), 1)
        excess = np.nan_to_num(self.centred[:, place] - np.nansum(others, axis=1) / n, nan=-np.inf)
        order = np.argsort(-excess, kind="stable")[:most]
        return [(int(p), float(excess[p])) for p in order if excess[p] > 0]


@dataclass(frozen=True)
class Played:
    """What the stored models share with one another on some prompts, (prompts,): the same for
    every suspect that answered those.

    ``mean`` (prompts, models) is what strangers share with each model, NaN where nobody does;
    ``scores`` (strangers, models) each stranger's own mean beyond the other strangers', NaN under
    20 prompts.
    """

    prompts: Flags
    mean: Array
    scores: Array


def played_on(prompts: Flags, strangers: Array, lineup: Lineup) -> Played:
    """The strangers on some prompts; ``strangers`` (prompts, players, models) are log shares, NaN
    where there is none."""
    played = np.where(lineup.population[:, None], strangers[prompts], np.nan)
    known = np.isfinite(played)
    held = np.where(known, played, 0.0)
    total, n = held.sum(axis=1), known.sum(axis=1)
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    rest = (total[:, None] - held) / np.maximum(n[:, None] - 1, 1)
    alone = known & (n[:, None] > 1)
    counted = alone.sum(axis=0)
    scores = np.where(alone, played - rest, 0.0).sum(axis=0) / np.maximum(counted, 1)
    return Played(prompts, mean, np.where(counted >= FEWEST, scores, np.nan))


def margins(shared: Array, played: Played, lineup: Lineup, seed: int = 0) -> Margins:
    """Margins from a suspect's log shares (prompts, models) and the strangers' on the prompts that
    it answered. Deterministic under ``seed``."""
    kept = played.prompts
    centred = np.full_like(shared, np.nan)
    centred[kept] = shared[kept] - played.mean
    rng = np.random.default_rng(seed)
    prompts = int(kept.sum())
    drawn = (
        rng.multinomial(prompts, np.full(prompts, 1 / max(1, prompts)), size=ROUNDS).astype(float)
        if prompts
        else None
    )
    whole = _means(centred[kept], np.ones((1, prompts)))[0]
    rounds = np.full((1, len(whole)), np.nan) if drawn is None else _means(centred[kept], drawn)
    enough = np.isfinite(centred).sum(axis=0) >= FEWEST
    rounds[:, ~enough] = np.nan
    return Margins(lineup, centred, np.where(enough, whole, np.nan), rounds, played.scores)


def contrasts(scores: Array, vendors: NDArray[np.str_]) -> Array:
    """The mean score of each model's maker less the best other maker's, (rows, models), from (rows,
    models); NaN without either."""
    means = _by_vendor(scores, vendors)
    order, maker = np.unique(vendors, return_inverse=True)
    held = np.stack([means[str(v)] for v in order], axis=1)
    ranked = np.where(np.isfinite(held), held, -np.inf)
    best = ranked.max(axis=1, keepdims=True)
    # Who is best alone is compared with the second; of two that are level each is the other's best.
    second = np.sort(ranked, axis=1)[:, -2:-1] if len(order) > 1 else np.full_like(best, -np.inf)
    others = np.where(ranked == best, second, best)
    return np.asarray(np.where(np.isfinite(others), held - others, np.nan)[:, maker])


def _by_vendor(scores: Array, vendors: NDArray[np.str_]) -> dict[str, Array]:
    """Each maker's mean over its models with a score, (rows,), NaN where none has one."""
    out = {}
    for vendor in sorted(set(vendors.tolist())):
        held = scores[:, vendors == vendor]
        n = np.isfinite(held).sum(axis=1)
        # The mean, not the best: the best of many versions is near to anybody
        # (docs/detectors/shared_wording.md).
        out[vendor] = np.where(n > 0, np.nansum(held, axis=1) / np.maximum(n, 1), np.nan)
    return out


def _means(values: Array, drawn: Array) -> Array:
    """Weighted means over prompts, (rounds, models); NaN where no prompt with a value was drawn."""
    known = np.isfinite(values)
    weight = drawn @ known
    return np.asarray(
        np.where(
            weight > 0, drawn @ np.where(known, values, 0.0) / np.maximum(weight, 1e-9), np.nan
        )
    )


def _ends(column: Array) -> tuple[float, float]:
    low, high = np.nanquantile(column, [0.025, 0.975])
    return float(low), float(high)
