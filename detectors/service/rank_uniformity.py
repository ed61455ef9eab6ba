"""How likely does the claimed model find the endpoint's answers, compared with its own to the same
prompts?

Reads likelihoods of answers of both sides under the claimed model, which must be open for scoring.
If the endpoint serves it, an answer's rank among the claimed model's own is uniform.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import Bar, Case, Chart, Detector, Measurement, Need, NotMeasured, Teacher
from detectors.service.repeated import FEWEST_PROMPTS, Asked, asked_in, asked_of_both, repeats, said
from detectors.stats.intervals import clustered_mean
from detectors.stats.relabelling import ROUNDS, exact_p, labellings, null_of
from fingerprints.records import Arm, Probe, Reply
from fingerprints.scores import Passage, Scores, Wanted, teacher
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
BINS = 10


def passage_of(probe: Probe, reply: Reply) -> Passage:
    """An answer after its question, as the claimed model scores it."""
    return Passage(text=reply.text, probe=probe, arm=Arm.OWN)


class RankUniformity(Detector):
    """The mean rank of the endpoint's answers by likelihood among the reference's own, 0 to 1; 0.5
    for the same model.

    Below 0.5: the claimed model finds them less likely than its own (another model, a hotter
    sampler); above: likelier (a cooler sampler, greedy answers). The p-value is of the Cramér–von
    Mises distance of all ranks from uniform, two-sided, exact by labels shuffled within prompts.
    Ties are broken at random.
    """

    name: ClassVar[str] = "rank_uniformity"
    question: ClassVar = "service"
    asks: ClassVar[str] = "Does the claimed model find the endpoint's answers as likely as its own?"
    needs: ClassVar = (Need.REPEATED, Need.TEACHER, Need.TEACHER_SCORES)
    source: ClassVar[str] = (
        "rank-based uniformity test (Zhu et al. 2025, arXiv 2506.06975); p by relabelling within"
        " prompts"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "another model whose answers the claimed one finds as likely as its own",
        "an endpoint that picks, of many answers, one of a wished likelihood",
        "another temperature, system prompt or template differs like another model",
    )

    def __init__(self, rounds: int = ROUNDS, seed: int = 0) -> None:
        self.rounds = rounds
        self.seed = seed

    def next_texts(
        self,
        suspect: Transcript,
        teachers: Sequence[Teacher],
        base: Teacher | None,
        live: Sequence[str],
    ) -> Sequence[Wanted]:
        """Every answer of both sides to the prompts that they share, for each stored model that
        is open."""
        return [
            Wanted(scorer=teacher(t.name), passage=passage_of(asked.probe, reply))
            for t in teachers
            if t.name in live
            for asked in asked_of_both(suspect, t.transcript)
            for reply in (*asked.endpoint, *asked.reference)
            if said(reply)
        ]

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        asked = asked_in(case)
        if isinstance(asked, NotMeasured):
            return asked
        scorer = teacher(case.the_candidate.name)
        if repeats(asked):
            return NotMeasured(
                reason="greedy answers have no distribution that a rank could be taken in",
                code="not_comparable",
            )
        rng = np.random.default_rng(self.seed)
        found = [
            b for b in (bits_of(one, scorer, case.scores, rng) for one in asked) if b is not None
        ]
        if len(found) < FEWEST_PROMPTS:
            return NotMeasured(
                reason=f"only {len(found)} prompts have two scored answers of either side",
                code="too_few_answers",
            )
        return self._measured(found)

    def _measured(self, found: Sequence[tuple[Asked, Array, tuple[int, int]]]) -> Measurement:
        labels = labellings([sizes for _, _, sizes in found], self.rounds, self.seed)
        by_prompt = [ranks(bits, label) for (_, bits, _), label in zip(found, labels, strict=True)]
        statistics = distance_from_uniform(np.concatenate(by_prompt, axis=1))
        p = exact_p(statistics)
        means = [float(r[0].mean()) for r in by_prompt]
        estimate = clustered_mean(means, [a.probe.cluster for a, _, _ in found], seed=self.seed)
        values = np.concatenate([r[0] for r in by_prompt])
        side = "less likely than" if estimate.value < 0.5 else "likelier than"
        return Measurement(
            metric="mean rank by likelihood among the reference's answers",
            metric_id="mean_likelihood_rank",
            value=estimate.value,
            n=len(found),
            n_unit="prompts",
            counts_prompts=True,
            interval=estimate.interval,
            direction=(
                "0.5: as likely as its own; below: less likely (another model, hotter); above:"
                " likelier (cooler)"
            ),
            null=null_of(statistics, p),
            summary=(
                f"The claimed model finds the endpoint's {len(values)} answers {side} its own: mean"
                f" rank {estimate.value:.3f} (95 % {estimate.low:.3f} to {estimate.high:.3f},"
                f" {len(found)} prompts); p of uniform ranks {p:.3g}."
            ),
            charts=(_histogram(values),),
        )


def bits_of(
    asked: Asked, scorer: str, scores: Scores, rng: np.random.Generator
) -> tuple[Asked, Array, tuple[int, int]] | None:
    """Bits a token of a prompt's scored answers, the endpoint's first, ties broken at random;
    None below two a side."""
    sides = []
    for replies in (asked.endpoint, asked.reference):
        found = [scores.of(scorer, passage_of(asked.probe, r)) for r in replies if said(r)]
        sides.append([s.bits / max(1, s.tokens) for s in found if s is not None])
    if min(map(len, sides)) < 2:
        return None
    # Likelihoods that differ in their last bits alone are ties, which chance breaks.
    bits = np.round(np.array([*sides[0], *sides[1]]), 4)
    return asked, bits + rng.uniform(0, 1e-6, len(bits)), (len(sides[0]), len(sides[1]))


def ranks(bits: Array, labels: Array) -> Array:
    """Each marked answer's rank among the unmarked by likelihood, in (0, 1), under each labelling,
    (labellings, marked).

    The likeliest has the highest rank. ``bits`` (answers,), ``labels`` as `relabelling.labellings`
    makes them.
    """
    less_likely = (bits[None, :] > bits[:, None]).astype(float)  # [i, j]: j is less likely than i
    below = (1 - labels) @ less_likely.T
    marked = int(labels[0].sum())
    held = below[labels > 0.5].reshape(len(labels), marked)
    # The middle of each rank's share of (0, 1), so that equal shares are uniform.
    return np.asarray((held + 0.5) / (labels.shape[1] - marked + 1))


def distance_from_uniform(values: Array) -> Array:
    """Cramér–von Mises' statistic of each row against the uniform distribution on (0, 1),
    (rows,)."""
    n = values.shape[1]
    steps = (2 * np.arange(1, n + 1) - 1) / (2 * n)
    return np.asarray(1 / (12 * n) + ((np.sort(values, axis=1) - steps) ** 2).sum(axis=1))


def _histogram(values: Array) -> Chart:
    counts, edges = np.histogram(values, bins=BINS, range=(0, 1))
    bars = [
        Bar(label=f"{low:.1f} to {low + 1 / BINS:.1f}", value=float(count / len(values)))
        for count, low in zip(counts, edges, strict=False)
    ]
    return Chart(
        kind="bars",
        title="Ranks of the endpoint's answers by likelihood",
        x_label="share of answers",
        bars=tuple(bars),
        reference=1 / BINS,
        reference_label="uniform",
        caption=(
            f"{len(values)} answers; 0: the claimed model finds it least "
            "likely, 1: likeliest, among its own answers to the prompt."
        ),
    )
