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

from detectors.base import Case, Detector, Measurement, NotMeasured, Teacher
from detectors.inheritance.contrasts import (
    FEWEST_PROMPTS,
    MOST_PROMPTS,
    Contrasts,
    bits_per_byte,
    measured,
    passage_of,
    same_model,
)
from detectors.lineup import lineup
from detectors.pairing import ProbeAnswer, style_answers
from fingerprints.scores import BASE, Scores, Wanted, teacher
from fingerprints.transcript import Transcript

NOTES = (
    (
        "A teacher's likelihood alone is unreliable: a strong model finds most tidy text likely."
        " Read the difference only."
    ),
    "Nothing here tells a model taught by the candidate from one taught by a sibling of it.",
)


class CrossLikelihood(Detector):
    """How much likelier does the candidate find the suspect's answers than the base's, against
    reference models?

    [l_t(suspect) − l_t(base)] − [l_u(suspect) − l_u(base)] with l the mean log2-likelihood per byte
    under teacher t and references u: the other live teachers of other vendors (their mean), else
    the base itself. In bits per byte; above 0: towards the candidate. METHODS writes it in bits,
    where below 0 is towards the candidate: the sign is turned here. Deterministic.
    """

    name: ClassVar[str] = "cross_likelihood"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Does the candidate find the suspect's answers likelier than its base's, more than other"
        " models do?"
    )
    needs: ClassVar[tuple[str, ...]] = ("replies:style", "base:replies", "teacher:score")
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

    def measure(self, case: Case) -> Measurement | NotMeasured:
        """The contrast for one candidate, or the reason why there is none."""
        if case.candidate is None or case.base is None:
            return NotMeasured(reason="the suspect's base is not known; name it with --base")
        name = case.candidate.name
        if same_model(case.candidate, case.base.transcript.identity):
            return NotMeasured(
                reason="the candidate is the suspect's base: training leads away from it",
                code="is_base",
            )
        if name not in case.scores.teachers():
            return NotMeasured(
                reason=case.scores.why_not(teacher(name)) + "; open it with --teacher NAME=SPEC",
                code="not_scored",
            )
        found = self._found(case, case.base)
        place = found.lineup.names.index(name)
        values, _ = found.per_prompt(place)
        if len(values) < FEWEST_PROMPTS:
            return NotMeasured(
                reason=(
                    f"only {len(values)} prompts that suspect and base answered and that the"
                    f" candidate and a reference scored; {FEWEST_PROMPTS} are needed"
                ),
                code="too_few_answers",
            )
        moved = "Training raised the likelihood of the suspect's answers under {name}"
        references = found.references(place)
        whose = (
            "The reference is the base itself: no other live teacher of another vendor scored."
            if references[-1]
            else f"References: {int(references.sum())} other live teachers."
        )
        return measured(
            found,
            place,
            "cross likelihood, bits per byte",
            "cross_likelihood_bits_per_byte",
            "the same answers",
            moved,
            (whose, *NOTES),
        )

    def _found(self, case: Case, base: Teacher) -> Contrasts:
        """All live models' gains, kept for the next candidate of the same audit."""
        names = frozenset(t.name for t in (case.candidate, *case.background) if t)
        kept: tuple[Scores, object, Contrasts] | None = getattr(self, "kept_", None)
        if kept is None or kept[0] is not case.scores or kept[1] != names:
            kept = self.kept_ = (case.scores, names, _contrasts(case, base))
        return kept[2]


def _pairs(suspect: Transcript, base: Teacher) -> list[tuple[ProbeAnswer, ProbeAnswer]]:
    """The answers of suspect and base to the same prompts, in order of prompt; at most 48."""
    ours, theirs = style_answers(suspect), style_answers(base.transcript)
    return [(ours[key], theirs[key]) for key in sorted(ours.keys() & theirs.keys())[:MOST_PROMPTS]]


def _contrasts(case: Case, base: Teacher) -> Contrasts:
    """Rows: every stored model (NaN where it is not live), then the base as the spare reference."""
    assert case.candidate is not None  # noqa: S101  (checked by measure)
    line = lineup([case.candidate, *case.background])
    pairs = _pairs(case.suspect, base)
    gains = np.full((len(line.names) + 1, len(pairs)), np.nan)
    for row, scorer in zip(gains, [*map(teacher, line.names), BASE], strict=True):
        for i, (ours, theirs) in enumerate(pairs):
            row[i] = bits_per_byte(case.scores, scorer, passage_of(theirs)) - bits_per_byte(
                case.scores, scorer, passage_of(ours)
            )
    left_out = np.array(
        [same_model(t, base.transcript.identity) for t in line.teachers], dtype=np.bool_
    )
    return Contrasts(
        line, gains, tuple(ours.probe.cluster for ours, _ in pairs), left_out, spare="the base"
    )
