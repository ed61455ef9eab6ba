"""Which sentences of the suspect's answers come from the candidate: likely to both, and not to the
base?

Reads how likely suspect, base and a live teacher find each sentence after the same question and the
sentences before it. Gives a highlighted transcript. Knows scores; a base that is not the suspect's
makes it meaningless.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from detectors.base import Detector
from detectors.case import Case, Teacher
from detectors.inheritance.contrasts import shortened
from detectors.measurement import Exhibit, Measurement, NotMeasured, Null, Rank, Span, Table
from detectors.needs import Need
from detectors.pairing import ProbeAnswer, style_answers
from detectors.stats.intervals import clustered_rate
from detectors.stats.openset import conformal
from fingerprints.records import Arm
from fingerprints.scores import BASE, SUSPECT, Passage, Wanted, teacher
from fingerprints.transcript import Transcript

Origin = Literal["teacher", "suspect", "base"]
MOST_ANSWERS = 16
MOST_SENTENCES = 8
SHORTEST = 20
"""Characters of a sentence that is judged: a shorter one holds a word or two."""
FEWEST_SENTENCES = 20
LEAST = 0.3
"""Bits per byte by which a sentence must be likelier than under the base: ours, chosen before
any figure was seen."""
MOST_EXHIBITS = 8
END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
CAUTIONS = (
    (
        "The suspect finds its own sentences likely in any case: what tells is the teacher beside"
        " it and the base against it."
    ),
    (
        "A strong teacher finds tidy sentences likely whoever taught them: compare with the share"
        " for other live teachers."
    ),
    (
        "A sentence counts where teacher and suspect both find it likelier than the base by"
        f" {LEAST:g} bits per byte; the threshold is ours."
    ),
)


@dataclass(frozen=True)
class Sentence:
    """Characters ``start`` to ``end`` of an answer, and the passage that is scored."""

    start: int
    end: int
    passage: Passage


@dataclass(frozen=True)
class JudgedSentence:
    """A sentence with where it comes from, and by how many bits per byte teacher and suspect
    find it likelier than the base."""

    key: str
    sentence: Sentence
    origin: Origin
    by_teacher: float
    by_suspect: float


class SentenceOrigin(Detector):
    """What share of the suspect's sentences is likelier to the candidate and to the suspect than to
    its base?

    For each sentence the bits per byte under base, teacher and suspect in the same context;
    *teacher-originated* where both teacher and suspect lie at least 0.3 below the base; *the
    suspect's own* where only the suspect does. The value is the share of teacher-originated
    sentences, 0 to 1, with an interval clustered by question. Comparing the three probabilities in
    one context is the paper's; the threshold, the names of the classes and the share are ours.
    Deterministic.
    """

    name: ClassVar[str] = "sentence_origin"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Which of the suspect's sentences are likely to the candidate and to it, but not to its"
        " base?"
    )
    needs: ClassVar = (
        Need.STYLE,
        Need.BASE,
        Need.TEACHER,
        Need.TEACHER_BESIDE_BASE,
        Need.TEACHER_SCORES,
        Need.SUSPECT_SCORES,
        Need.BASE_SCORES,
    )
    source: ClassVar[str] = (
        "provenance of sentences under teacher, original student and distilled student, arXiv"
        " 2512.20908"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "what the teacher and the base have in common is not seen as the teacher's",
        "a sibling of the teacher is as likely an origin",
        "teachers behind services that give no likelihoods can't score",
    )

    def next_texts(
        self,
        suspect: Transcript,
        teachers: Sequence[Teacher],
        base: Teacher | None,
        live: Sequence[str],
    ) -> Sequence[Wanted]:
        """The suspect's sentences, by the suspect, its base and every live teacher."""
        if base is None or not live:
            return ()
        passages = [s.passage for answer in _answers(suspect).values() for s in sentences(answer)]
        return [
            Wanted(scorer=who, passage=p)
            for who in (SUSPECT, BASE, *map(teacher, live))
            for p in passages
        ]

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        found = judged(case, case.the_candidate.name)
        if len(found) < FEWEST_SENTENCES:
            return NotMeasured.of(
                "too_few_answers",
                f"only {len(found)} sentences were scored by all three; {FEWEST_SENTENCES} are"
                " needed",
            )
        return _measurement(case, case.the_candidate, found)


def _answers(suspect: Transcript) -> dict[str, ProbeAnswer]:
    found = style_answers(suspect)
    return {key: found[key] for key in sorted(found)[:MOST_ANSWERS]}


def sentences(answer: ProbeAnswer) -> list[Sentence]:
    """The sentences of an answer's beginning, in order: at most eight, those under 20 characters
    only as context."""
    text = shortened(answer.text)
    arm = Arm.OWN if answer.reply.arm is Arm.RECORDED else answer.reply.arm
    ends = [m.start() for m in END.finditer(text)] + [len(text)]
    out, begin = [], 0
    for end in ends:
        piece = text[begin:end]
        start = begin + len(piece) - len(piece.lstrip())
        if end - start >= SHORTEST:
            out.append(
                Sentence(
                    start, end, Passage(text=piece, lead=text[:begin], probe=answer.probe, arm=arm)
                )
            )
        begin = end
    return out[:MOST_SENTENCES]


def judged(case: Case, name: str) -> list[JudgedSentence]:
    """Every sentence that base, suspect and the named teacher scored, with its origin."""
    out = []
    for key, answer in _answers(case.suspect).items():
        for sentence in sentences(answer):
            scores = [
                case.scores.of(who, sentence.passage) for who in (BASE, teacher(name), SUSPECT)
            ]
            bits = [s.bits_per_byte for s in scores if s is not None]
            if len(bits) == len(scores):
                # One sentence in one context under three models (arXiv 2512.20908): none may lack.
                by_teacher, by_suspect = bits[0] - bits[1], bits[0] - bits[2]
                out.append(
                    JudgedSentence(
                        key, sentence, _origin(by_teacher, by_suspect), by_teacher, by_suspect
                    )
                )
    return out


def _origin(by_teacher: float, by_suspect: float) -> Origin:
    if by_suspect < LEAST:
        return "base"
    return "teacher" if by_teacher >= LEAST else "suspect"


def _share(found: Sequence[JudgedSentence]) -> float:
    return float(np.mean([j.origin == "teacher" for j in found])) if found else float("nan")


def _measurement(case: Case, candidate: Teacher, found: list[JudgedSentence]) -> Measurement:
    rate = clustered_rate([float(j.origin == "teacher") for j in found], [j.key for j in found])
    makers = {t.name: t.maker for t in case.population}
    live = [n for n in case.scores.teachers() if n in makers]
    shares = {n: _share(judged(case, n)) for n in live}
    strangers = np.array([shares[n] for n in live if makers[n] != candidate.maker])
    strangers = strangers[np.isfinite(strangers)]
    at_least, p = conformal(_share(found), strangers)
    counts = Counter(j.origin for j in found)
    rows = (
        (f"{candidate.name}: teacher-originated", counts["teacher"]),
        ("the suspect's own: likelier to it alone", counts["suspect"]),
        ("as likely to the base", counts["base"]),
    )
    higher = sum(s > _share(found) for s in shares.values())
    return Measurement(
        metric="share of teacher-originated sentences",
        metric_id="teacher_sentence_share",
        value=rate.value,
        n=rate.clusters,
        n_unit="questions",
        counts_prompts=True,
        direction=(
            "higher: more of the suspect's sentences are likely to the candidate and to it, but not"
            " to its base"
        ),
        interval=rate.interval,
        rank=Rank(position=1 + higher, of=1 + len(shares)),
        null=Null(
            n=len(strangers),
            at_least=at_least,
            p=p if len(strangers) else None,
            mean=float(strangers.mean()) if len(strangers) else None,
            population="live teachers of other vendors on the same sentences",
        ),
        summary=(
            f"{counts['teacher']} of {len(found)} sentences are likely to {candidate.name} and to"
            f" the suspect, but not to its base ({rate.value:.2f}, 95 % {rate.low:.2f} to"
            f" {rate.high:.2f})."
        ),
        tables=(
            Table(
                title="Where the sentences come from",
                columns=("origin", "sentences"),
                rows=rows,
                caption=f"n: {len(found)} sentences of {rate.clusters} answers.",
            ),
        ),
        exhibits=_exhibits(case, candidate.name, found),
        notes=CAUTIONS,
    )


def _exhibits(case: Case, name: str, found: Sequence[JudgedSentence]) -> tuple[Exhibit, ...]:
    """The answers with most teacher-originated sentences, these marked."""
    answers = _answers(case.suspect)
    out = []
    for key in dict.fromkeys(j.key for j in found):
        marked = [j for j in found if j.key == key and j.origin == "teacher"]
        if not marked:
            continue
        answer = answers[key]
        spans = tuple(
            Span(
                start=j.sentence.start,
                end=j.sentence.end,
                why=f"likelier than to the base by {j.by_teacher:.2f} bits per byte",
            )
            for j in marked
        )
        weight = float(sum(min(j.by_teacher, j.by_suspect) for j in marked))
        why = f"sentences likely to {name} and the suspect, not to the base"
        out.append(answer.shown(answer.text, "suspect", why, weight, spans))
    return tuple(sorted(out, key=lambda e: -e.weight)[:MOST_EXHIBITS])
