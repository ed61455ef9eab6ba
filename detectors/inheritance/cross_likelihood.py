"""Does the candidate find the suspect's answers likelier than its base's, more than other models
do?

Reads the scores of live teachers: candidates that ``--teacher`` opens. Knows scores; a base that is
not the suspect's makes it meaningless. `mirrored_likelihood` is the same with the roles exchanged,
for teachers of whom only texts are at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from detectors.base import Case, Need, Teacher
from detectors.inheritance.contrasts import (
    MOST_PROMPTS,
    ContrastDetector,
    Contrasts,
    bits_per_byte,
    passage_of,
    same_as,
)
from detectors.lineup import lineup
from detectors.pairing import ProbeAnswer, style_answers
from fingerprints.scores import BASE, Wanted, teacher
from fingerprints.transcript import Transcript

NOTES = (
    (
        "A teacher's likelihood alone is unreliable: a strong model finds most tidy text likely."
        " Read the difference only."
    ),
    "Nothing here tells a model taught by the candidate from one taught by a sibling of it.",
)


class CrossLikelihood(ContrastDetector):
    """How much likelier does the candidate find the suspect's answers than the base's, against
    reference models?

    [l_t(suspect) − l_t(base)] − [l_u(suspect) − l_u(base)] with l the mean log2-likelihood per byte
    under teacher t and references u: the other live teachers of other vendors (their mean), else
    the base itself. In bits per byte; above 0: towards the candidate. METHODS writes it in bits,
    where below 0 is towards the candidate: the sign is turned here. Deterministic.
    """

    name: ClassVar[str] = "cross_likelihood"
    metric: ClassVar[str] = "cross likelihood, bits per byte"
    metric_id: ClassVar[str] = "cross_likelihood_bits_per_byte"
    compared: ClassVar[str] = "the same answers"
    moved: ClassVar[str] = "Training raised the likelihood of the suspect's answers under {name}"
    counted_prompts: ClassVar[str] = (
        "that suspect and base answered and that the candidate and a reference scored"
    )
    asks: ClassVar[str] = (
        "Does the candidate find the suspect's answers likelier than its base's, more than other"
        " models do?"
    )
    needs: ClassVar = (
        Need.STYLE,
        Need.BASE,
        Need.TEACHER,
        Need.TEACHER_BESIDE_BASE,
        Need.TEACHER_SCORES,
    )
    source: ClassVar[str] = (
        "difference of differences of likelihoods, sign-flip permutation over prompts (Fisher 1935)"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a wrong base makes every difference meaningless",
        "teachers behind services that give no likelihoods can't score",
        "a student of a sibling of the candidate looks the same",
    )

    def next_texts(
        self,
        suspect: Transcript,
        teachers: Sequence[Teacher],
        base: Teacher | None,
        live: Sequence[str],
    ) -> Sequence[Wanted]:
        """The answers of suspect and base to the same prompts, by every live teacher and the
        base."""
        if base is None or not live:
            return ()
        pairs = [a for pair in _pairs(suspect, base) for a in pair]
        return [
            Wanted(scorer=who, passage=passage_of(a))
            for who in (*map(teacher, live), BASE)
            for a in pairs
        ]

    def _contrasts(self, case: Case) -> Contrasts:
        """Rows: every stored model (NaN where it is not live), then the base as the spare
        reference."""
        line, base = lineup(case.models), case.the_base
        pairs = _pairs(case.suspect, base)
        gains = np.full((len(line.names) + 1, len(pairs)), np.nan)
        for row, scorer in zip(gains, [*map(teacher, line.names), BASE], strict=True):
            for i, (ours, theirs) in enumerate(pairs):
                row[i] = bits_per_byte(case.scores, scorer, passage_of(theirs)) - bits_per_byte(
                    case.scores, scorer, passage_of(ours)
                )
        clusters = tuple(ours.probe.cluster for ours, _ in pairs)
        return Contrasts(line, gains, clusters, same_as(base, line), spare="the base")

    def _notes(self, found: Contrasts, place: int) -> tuple[str, ...]:
        references = found.references(place)
        whose = (
            "The reference is the base itself: no other live teacher of another vendor scored."
            if references[-1]
            else f"References: {int(references.sum())} other live teachers."
        )
        return (whose, *NOTES)


def _pairs(suspect: Transcript, base: Teacher) -> list[tuple[ProbeAnswer, ProbeAnswer]]:
    """The answers of suspect and base to the same prompts, in order of prompt; at most 48."""
    ours, theirs = style_answers(suspect), style_answers(base.transcript)
    return [(ours[key], theirs[key]) for key in sorted(ours.keys() & theirs.keys())[:MOST_PROMPTS]]
