"""A gain on a candidate's side against the same gain on others' sides, prompt by prompt: the
difference of differences.

Shared by the detectors that read likelihoods. Knows arrays and passages; knows no model and no
file.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import Case, Detector, Measurement, NotMeasured, Null, Table, Teacher
from detectors.lineup import Lineup, Ranking, against, counted, null_of
from detectors.pairing import ProbeAnswer
from detectors.stats.intervals import clustered_mean
from fingerprints.records import Arm
from fingerprints.scores import Passage, Scores

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
MOST_PROMPTS = 48
"""Prompts whose answers are scored: the cost is this many texts a scorer and model."""
FEWEST_PROMPTS = 8
LONGEST = 800
"""Characters of an answer that are scored, so that one long answer costs no more than others and
fits any context."""
EXACT = 14
"""Up to so many prompts all 2^n signs are tried."""
# With the signs as they are among them p is a whole number of ten-thousandths.
DRAWS = 9999


def passage_of(answer: ProbeAnswer) -> Passage:
    """An answer as a passage to be scored: its beginning, after the question in the scorer's own
    template."""
    arm = Arm.OWN if answer.reply.arm is Arm.RECORDED else answer.reply.arm
    return Passage(text=shortened(answer.text), probe=answer.probe, arm=arm)


def shortened(text: str) -> str:
    """The first 800 characters of a text, cut at a blank where there is one in the last hundred."""
    if len(text) <= LONGEST:
        return text
    head = text[:LONGEST]
    at = max(head.rfind(" "), head.rfind("\n"))
    return head[:at] if at >= LONGEST - 100 else head


def common_prompts(books: Sequence[Mapping[str, ProbeAnswer]]) -> list[str]:
    """Digests of the prompts that at least two models and half of them answered, those that most
    did first; at most 48."""
    counts: dict[str, int] = {}
    for book in books:
        for key in book:
            counts[key] = counts.get(key, 0) + 1
    kept = [key for key, n in counts.items() if n >= max(2, len(books) / 2)]
    return sorted(kept, key=lambda key: (-counts[key], key))[:MOST_PROMPTS]


def bits_per_byte(scores: Scores, scorer: str, passage: Passage) -> float:
    """A passage's bits per byte, NaN where the scorer has none for it."""
    found = scores.of(scorer, passage)
    return float("nan") if found is None else found.bits_per_byte


def same_as(base: Teacher, line: Lineup) -> Flags:
    """Which stored models have the base's weights, (models,): nothing moves to where it began."""
    identity = base.transcript.identity
    return np.array(
        [t.transcript.identity.same_weights(identity) for t in line.teachers], dtype=bool
    )


def contrast(gains: Array, candidate: int, references: Flags) -> Array:
    """The candidate's gain on each prompt minus the mean gain of the references there; NaN where
    either is missing.

    ``gains`` is (models, prompts), in bits per byte; NaN marks what was not scored.
    """
    held = np.isfinite(gains[references])
    n = held.sum(axis=0)
    mean = np.where(held, gains[references], 0.0).sum(axis=0) / np.where(n > 0, n, np.nan)
    return np.asarray(gains[candidate] - mean)


def mean_contrast(gains: Array, candidate: int, references: Flags) -> float:
    """The mean over prompts of `contrast`; NaN where fewer than eight prompts have one."""
    values = contrast(gains, candidate, references)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) >= FEWEST_PROMPTS else float("nan")


def sign_flip_p(values: Array, seed: int = 0) -> float:
    """One-sided p that the mean is no higher than the signs of the values alone give: (1 +
    k)/(draws + 1), or exact.

    Up to 14 values all 2^n signs are tried (Fisher 1935); above, 9,999 random ones, which keeps the
    test valid (Phipson and Smyth 2010, arXiv 1603.05766). Small: the values lie above 0.
    Deterministic for a seed. Raises ValueError without values.
    """
    if not len(values):
        raise ValueError("no value to permute")
    observed = values.sum()
    slack = 1e-12 * np.abs(values).sum()
    if len(values) <= EXACT:
        sums = np.array(list(product((-1.0, 1.0), repeat=len(values)))) @ values
        return float((sums >= observed - slack).mean())
    rng = np.random.default_rng(seed)
    sums = rng.choice((-1.0, 1.0), size=(DRAWS, len(values))) @ values
    return float((1 + (sums >= observed - slack).sum()) / (DRAWS + 1))


@dataclass(frozen=True)
class Contrasts:
    """Gains of all models on all prompts, and how they are to be told.

    ``gains`` (models, prompts) in bits per byte, higher: nearer to that model; ``clusters`` names
    each prompt's question. ``spare`` is a last row of ``gains`` that stands in as reference where
    no other vendor has gains (the base), or None.
    """

    lineup: Lineup
    gains: Array
    clusters: tuple[str, ...]
    left_out: Flags
    spare: str | None = None

    def references(self, candidate: int, player: int | None = None) -> Flags:
        """Whom a model is compared with: models of other vendors that have gains, else the spare
        row."""
        models = len(self.lineup.names)
        scored = np.isfinite(self.gains[:models]).any(axis=1) & ~self.left_out
        chosen = self.lineup.reference(candidate, player) & scored
        if player is not None:
            chosen &= np.arange(models) != player
        if self.spare is None:
            return np.asarray(chosen)
        return np.append(chosen, not chosen.any())

    def per_prompt(self, candidate: int) -> tuple[Array, list[str]]:
        """The candidate's contrasts on the prompts that have one, and the questions of these
        prompts."""
        values = contrast(self.gains, candidate, self.references(candidate))
        held = np.isfinite(values)
        return values[held], [c for c, kept in zip(self.clusters, held, strict=True) if kept]

    def means(self) -> Array:
        """Every stored model's mean contrast, (models,)."""
        found = [
            np.nan if self.left_out[i] else mean_contrast(self.gains, i, self.references(i))
            for i in range(len(self.lineup.names))
        ]
        return np.array(found)

    def interval(self, candidate: int) -> tuple[float, float]:
        """95 % interval of a model's mean contrast, NaN where it has none."""
        values, clusters = self.per_prompt(candidate)
        if not len(values):
            return float("nan"), float("nan")
        return clustered_mean(values.tolist(), clusters, resamples=500).interval

    def null(self, candidate: int, value: float, prompts: str) -> Null:
        """What models of other vendors get on the same prompts, the candidate out of their
        references."""
        played = np.array(
            [
                (
                    np.nan
                    if self.left_out[i] or not other
                    else mean_contrast(self.gains, i, self.references(candidate, i))
                )
                for i, other in enumerate(self.lineup.strangers(candidate))
            ]
        )
        found = null_of(value, played, self.lineup, candidate, prompts)
        whose = (
            f"{counted(found.n, 'stored model')} of other vendors: how far the suspect moved"
            f" towards each, on {prompts}"
        )
        return found.model_copy(
            update={"population": f"{whose}; not control models of known history"}
        )


class ContrastDetector(Detector):
    """Towards which stored model did training move the suspect, by likelihood? One side of it.

    ``metric`` is what the value is called, ``metric_id`` its code, ``compared`` what is the same
    for all, ``moved`` the summary's verb phrase, ``counted_prompts`` which prompts count.
    """

    question: ClassVar = "inheritance"
    metric: ClassVar[str]
    metric_id: ClassVar[str]
    compared: ClassVar[str]
    moved: ClassVar[str]
    counted_prompts: ClassVar[str]

    @abstractmethod
    def _contrasts(self, case: Case) -> Contrasts:
        """The gains of all stored models of a case."""

    @abstractmethod
    def _notes(self, found: Contrasts, place: int) -> tuple[str, ...]:
        """What a reader must know of the candidate's figure."""

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        found = self._keep(
            "contrasts",
            (case.suspect, case.scores, case.base, frozenset(t.name for t in case.models)),
            lambda: self._contrasts(case),
        )
        line = found.lineup
        place = line.names.index(case.the_candidate.name)
        values, clusters = found.per_prompt(place)
        if len(values) < FEWEST_PROMPTS:
            return NotMeasured.of(
                "too_few_answers",
                f"only {len(values)} prompts {self.counted_prompts}; {FEWEST_PROMPTS} are needed",
            )
        estimate = clustered_mean(values.tolist(), clusters)
        null = found.null(place, estimate.value, self.compared)
        ranking = Ranking(line, found.means(), place)
        p = sign_flip_p(_by_cluster(values, clusters))
        return Measurement(
            metric=self.metric,
            metric_id=self.metric_id,
            value=estimate.value,
            n=estimate.clusters,
            n_unit="prompts",
            counts_prompts=True,
            direction=(
                "higher: the suspect moved towards the candidate more than towards others; 0: no"
                " more than towards others"
            ),
            interval=estimate.interval,
            rank=ranking.rank,
            null=null,
            summary=(
                f"{self.moved.format(name=line.names[place])} by {estimate.value:+.3f} bits per"
                f" byte more than of other models (95 % {estimate.low:+.3f} to"
                f" {estimate.high:+.3f}; sign-flip p {p:.4f} over {estimate.clusters} prompts),"
                f" {against(null)}."
            ),
            tables=(_models(found, ranking),),
            charts=(ranking.bars(found.interval, null, "Towards whom it moved", self.metric),),
            notes=(
                f"Sign-flip p over prompts: {p:.4f}. It tests this candidate against the mean of"
                " the others on these prompts; some model is always preferred, so it is no error"
                " rate of an accusation.",
                *self._notes(found, place),
            ),
        )


def _models(found: Contrasts, ranking: Ranking) -> Table:
    def extra(i: int) -> tuple[float | int | None, ...]:
        """Of model i: mean gain in bits per byte (None without prompts), and the prompts."""
        own = found.gains[i][np.isfinite(found.gains[i])]
        return (round(float(own.mean()), 3) if len(own) else None, len(own))

    caption = (
        "gain: mean bits per byte; difference: against models of other vendors on the same prompts;"
        " n: prompts."
    )
    return ranking.table(extra, ("difference", "gain", "n"), "Every stored model", caption)


def _by_cluster(values: Array, clusters: Sequence[str]) -> Array:
    groups: dict[str, list[float]] = {}
    for value, cluster in zip(values.tolist(), clusters, strict=True):
        groups.setdefault(cluster, []).append(value)
    return np.array([np.mean(groups[key]) for key in sorted(groups)])
