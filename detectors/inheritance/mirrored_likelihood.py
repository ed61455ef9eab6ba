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

from detectors.base import Case, Need, Teacher
from detectors.inheritance.contrasts import (
    ContrastDetector,
    Contrasts,
    bits_per_byte,
    common_prompts,
    passage_of,
    same_as,
)
from detectors.lineup import lineup
from detectors.pairing import style_answers
from fingerprints.scores import BASE, SUSPECT, Wanted
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


class MirroredLikelihood(ContrastDetector):
    """How much likelier did training make the candidate's answers, against those of models of other
    vendors?

    For each prompt, the base's bits per byte of a stored answer minus the suspect's; for the
    candidate, minus the mean for stored models of other vendors on the same prompt; then the mean
    over prompts. Above 0: towards the candidate. The statistic is METHODS' `cross_likelihood` with
    the roles exchanged, which is ours. Deterministic.
    """

    name: ClassVar[str] = "mirrored_likelihood"
    metric: ClassVar[str] = "mirrored likelihood, bits per byte"
    metric_id: ClassVar[str] = "mirrored_likelihood_bits_per_byte"
    compared: ClassVar[str] = "the same prompts"
    moved: ClassVar[str] = "Training raised the likelihood of {name}'s answers"
    counted_prompts: ClassVar[str] = (
        "on which the candidate and a model of another vendor were scored"
    )
    asks: ClassVar[str] = (
        "Did training make the candidate's stored answers likelier to the suspect than other"
        " models' answers?"
    )
    needs: ClassVar = (
        Need.TEACHER,
        Need.BASE,
        Need.SUSPECT_SCORES,
        Need.BASE_SCORES,
        Need.TEACHER_BESIDE_BASE,
    )
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
        books = [style_answers(t.transcript) for t in lineup(teachers).teachers]
        keys = set(common_prompts(books))
        answers = [a for book in books for key, a in book.items() if key in keys]
        return [
            Wanted(scorer=who, passage=passage_of(a)) for who in (SUSPECT, BASE) for a in answers
        ]

    def _contrasts(self, case: Case) -> Contrasts:
        line, scores = lineup(case.models), case.scores
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
        questions = tuple(clusters[key] for key in keys)
        return Contrasts(line, gains, questions, same_as(case.the_base, line))

    def _notes(self, found: Contrasts, place: int) -> tuple[str, ...]:
        return NOTES
