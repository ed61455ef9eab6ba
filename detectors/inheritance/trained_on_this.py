"""Were these named questions in the suspect's distillation set, compared with questions of the same
kind that were not?

Reads how sure the suspect was of each token of its own answers. Two probe sets ask: one called
``named`` and one called ``unseen``, of matched questions. No word of the questions may tell the two
apart. Knows scores and questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from detectors.base import Detector
from detectors.case import Case, Teacher
from detectors.inheritance.contrasts import shortened
from detectors.measurement import Bar, Chart, Measurement, NotMeasured, Table
from detectors.needs import Need
from detectors.pairing import DEFAULT_ARMS
from fingerprints.records import Arm, Kind, Probe, Reply
from fingerprints.scores import SUSPECT, Passage, Scores, Wanted
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
SETS: tuple[Kind, Kind] = ("named", "unseen")
FEWEST = 20
REFERENCE = 0.9
"""The probability that a sure token reaches: ours; the paper takes a high one."""
MOST_TOKENS = 128
BLIND = 0.55
"""The largest AUC of words alone at which the questions count as matched (METHODS)."""
REPEATS = 5
ROUNDS = 1000
CAUTIONS = (
    "The value compares two sets; it says nothing about a single question.",
    (
        "Easier questions are answered more surely, seen or not: matching is the user's, and words"
        " alone can't check all of it."
    ),
)


@dataclass(frozen=True)
class Question:
    """One question with how far its answer's tokens fall short of certainty (lower: surer), and
    whether it is a named one."""

    probe: Probe
    deviation: float
    named: bool


class TrainedOnThis(Detector):
    """Is the suspect surer of its answers to the named questions than to matched unseen ones?

    The deviation of one answer is the mean over its first 128 tokens of max(0, 0.9 − p), p being
    the suspect's own probability of the token that it wrote; lower for questions seen in training.
    The value is the AUC of that over the two sets: 0.5 as unseen, 1 surely seen; the interval
    resamples questions, the p is Mann and Whitney's, one-sided. Nothing is said where a bag of
    words of the *questions* tells the sets apart (cross-validated AUC of 0.55 or more). That
    deviations from a high probability separate seen questions is the paper's; threshold, exponent
    and length are ours. Deterministic.
    """

    name: ClassVar[str] = "trained_on_this"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Were the named questions in the distillation set, against matched questions that were not?"
    )
    needs: ClassVar = (Need.NAMED, Need.UNSEEN, Need.SUSPECT_SCORES)
    source: ClassVar[str] = (
        "token probability deviation, arXiv 2510.04850; the blind baseline as METHODS asks for it"
    )
    scope: ClassVar = "suspect"
    blind_spots: ClassVar[tuple[str, ...]] = (
        "questions that were paraphrased before training",
        "a suspect that is sure of everything, or that saw both sets",
        "sets that differ in difficulty, which words do not show",
    )

    def next_texts(
        self,
        suspect: Transcript,
        teachers: Sequence[Teacher],
        base: Teacher | None,
        live: Sequence[str],
    ) -> Sequence[Wanted]:
        """The suspect's own answers to both sets, token by token."""
        return [Wanted(scorer=SUSPECT, passage=_passage(p, r)) for p, r in _asked(suspect)]

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        asked = _asked(case.suspect)
        counts = [sum(p.kind == kind for p, _ in asked) for kind in SETS]
        if min(counts) < FEWEST:
            return NotMeasured.of(
                "too_few_answers",
                f"{counts[0]} named and {counts[1]} unseen questions were answered; {FEWEST} of"
                " each are needed, as probe sets with the ids named/… and unseen/…",
            )
        found = _questions(asked, case.scores)
        if min(sum(q.named for q in found), sum(not q.named for q in found)) < FEWEST:
            return NotMeasured.of(
                "too_few_answers", f"fewer than {FEWEST} answers of either set could be scored"
            )
        # Words that tell the sets apart would explain any difference in sureness.
        blind = blind_auc(found)
        if blind >= BLIND:
            return NotMeasured.of(
                "not_comparable",
                "the questions' words alone tell the two sets apart (cross-validated AUC"
                f" {blind:.2f}, the limit is {BLIND:g}): they are not matched",
            )
        return _measurement(case, found, blind)


def _asked(suspect: Transcript) -> list[tuple[Probe, Reply]]:
    """The first readable default-arm answer to each named and unseen question, in order of id."""
    found: dict[str, tuple[Probe, Reply]] = {}
    for reply in (r for kind in SETS for r in suspect.of_kind(kind)):
        if reply.readable and reply.arm in DEFAULT_ARMS:
            found.setdefault(reply.probe_id, (suspect.probes[reply.probe_id], reply))
    return [found[key] for key in sorted(found)]


def _passage(probe: Probe, reply: Reply) -> Passage:
    return Passage(text=shortened(reply.text), probe=probe, arm=Arm.OWN, by_token=True)


def deviation(token_bits: Sequence[float]) -> float:
    """The mean of max(0, 0.9 − p) over the first 128 tokens, in [0, 0.9]; lower: surer. Raises
    ValueError without a token.

    >>> round(deviation([0.0, 1.0]), 3)
    0.2
    """
    if not token_bits:
        raise ValueError("no token")
    p = 2.0 ** -np.asarray(token_bits[:MOST_TOKENS], dtype=np.float64)
    return float(np.maximum(0.0, REFERENCE - p).mean())


def _questions(asked: Sequence[tuple[Probe, Reply]], scores: Scores) -> list[Question]:
    out = []
    for probe, reply in asked:
        score = scores.of(SUSPECT, _passage(probe, reply))
        if score is not None and score.token_bits:
            out.append(Question(probe, deviation(score.token_bits), probe.kind == "named"))
    return out


def blind_auc(questions: Sequence[Question], seed: int = 0) -> float:
    """How well a bag of words of the questions tells the sets apart: cross-validated AUC, the
    mean of five shuffles."""
    texts, labels = [q.probe.text for q in questions], np.array([q.named for q in questions])
    model = make_pipeline(CountVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000))
    found = []
    for repeat in range(REPEATS):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed + repeat)
        said = cross_val_predict(model, texts, labels, cv=folds, method="predict_proba")[:, 1]
        found.append(float(roc_auc_score(labels, said)))
    return float(np.mean(found))


def _auc(named: Array, unseen: Array) -> float:
    below = (named[:, None] < unseen[None, :]).mean() + 0.5 * (
        named[:, None] == unseen[None, :]
    ).mean()
    return float(below)


def _interval(named: Array, unseen: Array, seed: int = 0) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    draws = [
        _auc(rng.choice(named, len(named)), rng.choice(unseen, len(unseen))) for _ in range(ROUNDS)
    ]
    low, high = np.quantile(draws, [0.025, 0.975])
    value = _auc(named, unseen)
    # With every pair on one side no draw differs: one pair in as many as there are questions could
    # still be on the other.
    slack = 3 / min(len(named), len(unseen)) if value in (0.0, 1.0) else 0.0
    return max(0.0, min(float(low), value - slack)), min(1.0, max(float(high), value + slack))


def _measurement(case: Case, found: list[Question], blind: float) -> Measurement:
    named = np.array([q.deviation for q in found if q.named])
    unseen = np.array([q.deviation for q in found if not q.named])
    value, interval = _auc(named, unseen), _interval(named, unseen)
    p = float(mannwhitneyu(named, unseen, alternative="less").pvalue)
    rows = (
        ("named", len(named), round(float(named.mean()), 4), round(float(np.median(named)), 4)),
        ("unseen", len(unseen), round(float(unseen.mean()), 4), round(float(np.median(unseen)), 4)),
    )
    drawn = case.suspect.header.sampling.temperature
    notes: tuple[str, ...] = (
        (
            f"Words of the questions alone: cross-validated AUC {blind:.2f}, under the limit of"
            f" {BLIND:g}."
        ),
        *CAUTIONS,
    )
    if drawn > 0:
        notes = (
            (
                f"The answers were drawn at temperature {drawn:g}; the method is meant for greedy"
                " ones."
            ),
            *notes,
        )
    return Measurement(
        metric="AUC of named against unseen questions",
        metric_id="named_against_unseen_auc",
        value=value,
        n=len(found),
        n_unit="questions",
        counts_prompts=True,
        interval=interval,
        direction=(
            "0.5: as sure of named as of unseen questions; 1: surer of every named one; below 0.5:"
            " less sure"
        ),
        summary=(
            "The suspect is surer of its answers to named than to unseen questions with an AUC of"
            f" {value:.2f} (95 % {interval[0]:.2f} to {interval[1]:.2f}; Mann-Whitney p {p:.4f};"
            f" {len(named)} named, {len(unseen)} unseen)."
        ),
        tables=(
            Table(
                title="How far answers fall short of certainty",
                columns=("questions", "n", "mean", "median"),
                rows=rows,
                caption="Mean over tokens of max(0, 0.9 − p); lower: surer.",
            ),
        ),
        charts=(
            Chart(
                kind="bars",
                title="How far answers fall short of certainty",
                x_label="mean deviation",
                bars=(
                    Bar(label="named", value=float(named.mean()), strong=True),
                    Bar(label="unseen", value=float(unseen.mean())),
                ),
            ),
        ),
        notes=notes,
    )
