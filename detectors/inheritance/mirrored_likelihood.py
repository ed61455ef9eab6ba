"""Does the suspect find the candidate's stored answers likelier than its base did, more than other
models' answers?

The mirror of `cross_likelihood`: it reads the weights of suspect and base and only the *texts* of
the teachers, so that it works for recorded teachers of closed services. Knows scores; a base that
is not the suspect's makes it meaningless.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from detectors.base import Case, Detector, Measurement, NotMeasured, Teacher
from detectors.inheritance.contrasts import (
    FEWEST_PROMPTS,
    Contrasts,
    bits_per_byte,
    common_prompts,
    measured,
    passage_of,
    same_model,
)
from detectors.lineup import lineup
from detectors.pairing import ProbeAnswer, style_answers
from fingerprints.scores import BASE, SUSPECT, Scores, Wanted
from fingerprints.transcript import Transcript

NOTES = (
    (
        "Tuning of any kind makes some models' answers likelier than others' (plain and tidy ones"
        " first): the rank among stored models and control models say more than a value above 0."
    ),
    (
        "Nothing here tells a model taught by the candidate from one taught by a sibling or by"
        " people who write alike."
    ),
)


class MirroredLikelihood(Detector):
    """How much likelier did training make the candidate's answers, against those of models of other
    vendors?

    For each prompt, the base's bits per byte of a stored answer minus the suspect's; for the
    candidate, minus the mean for stored models of other vendors on the same prompt; then the mean
    over prompts. Above 0: towards the candidate. The statistic is METHODS' `cross_likelihood` with
    the roles exchanged, which is ours. Deterministic.
    """

    name: ClassVar[str] = "mirrored_likelihood"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Did training make the candidate's stored answers likelier to the suspect than other"
        " models' answers?"
    )
    needs: ClassVar[tuple[str, ...]] = ("suspect:score", "base:score", "teacher:replies")
    source: ClassVar[str] = (
        "difference of differences of likelihoods; the exchange of roles is ours"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a wrong base makes every difference meaningless",
        (
            "training that was reported by nobody but tuned on plain human text also moves towards"
            " plain-writing models"
        ),
        "closed weights of suspect or base: nothing can be scored",
    )

    def next_texts(
        self,
        suspect: Transcript,
        teachers: Sequence[Teacher],
        base: Teacher | None,
        live: Sequence[str],
    ) -> Sequence[Wanted]:
        """The stored models' answers to their common prompts, by suspect and base; nothing where
        no base is known."""
        if base is None:
            return ()
        answers = [a for book, keys in _books(teachers) for key, a in book.items() if key in keys]
        return [
            Wanted(scorer=who, passage=passage_of(a)) for who in (SUSPECT, BASE) for a in answers
        ]

    def measure(self, case: Case) -> Measurement | NotMeasured:
        """The contrast for one candidate, or the reason why there is none."""
        if case.candidate is None or case.base is None:
            return NotMeasured(reason="the suspect's base is not known; name it with --base")
        for who in (SUSPECT, BASE):
            if who not in case.scores.scorers:
                return NotMeasured(reason=case.scores.why_not(who), code="not_scored")
        if same_model(case.candidate, case.base.transcript.identity):
            return NotMeasured(
                reason="the candidate is the suspect's base: training leads away from it",
                code="is_base",
            )
        found = self._found(case, case.base)
        place = found.lineup.names.index(case.candidate.name)
        values, _ = found.per_prompt(place)
        if len(values) < FEWEST_PROMPTS:
            return NotMeasured(
                reason=(
                    f"only {len(values)} prompts on which the candidate and a model of another"
                    f" vendor were scored; {FEWEST_PROMPTS} are needed"
                ),
                code="too_few_answers",
            )
        moved = "Training raised the likelihood of {name}'s answers"
        return measured(
            found,
            place,
            "mirrored likelihood, bits per byte",
            "mirrored_likelihood_bits_per_byte",
            "the same prompts",
            moved,
            NOTES,
        )

    def _found(self, case: Case, base: Teacher) -> Contrasts:
        """All models' gains, kept for the next candidate of the same audit."""
        assert case.candidate is not None  # noqa: S101  (checked by measure)
        everybody = [case.candidate, *case.background]
        names = frozenset(t.name for t in (case.candidate, *case.background) if t)
        kept: tuple[Scores, object, Contrasts] | None = getattr(self, "kept_", None)
        if kept is None or kept[0] is not case.scores or kept[1] != names:
            kept = self.kept_ = (case.scores, names, _contrasts(everybody, base, case.scores))
        return kept[2]


def _books(teachers: Sequence[Teacher]) -> list[tuple[dict[str, ProbeAnswer], set[str]]]:
    books = [style_answers(t.transcript) for t in lineup(teachers).teachers]
    keys = set(common_prompts(books))
    return [(book, keys) for book in books]


def _contrasts(teachers: Sequence[Teacher], base: Teacher, scores: Scores) -> Contrasts:
    line = lineup(teachers)
    books = [style_answers(t.transcript) for t in line.teachers]
    keys = common_prompts(books)
    gains = np.full((len(books), len(keys)), np.nan)
    clusters: dict[str, str] = {}
    for row, book in zip(gains, books, strict=True):
        for i, key in enumerate(keys):
            if key in book:
                passage = passage_of(book[key])
                row[i] = bits_per_byte(scores, BASE, passage) - bits_per_byte(
                    scores, SUSPECT, passage
                )
                clusters.setdefault(key, book[key].probe.cluster)
    left_out = np.array(
        [same_model(t, base.transcript.identity) for t in line.teachers], dtype=np.bool_
    )
    return Contrasts(line, gains, tuple(clusters[key] for key in keys), left_out)
