"""Counts claims: how often a transcript's answers name each vendor, by arm and by language,
clustered by question.

Knows transcripts and claims; knows no candidate and no population.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.measurement import Null
from detectors.stats.intervals import Estimate, cluster_means, clustered_rate
from detectors.text.claims import Claim, QuestionContext, context_of, extract_claims
from detectors.text.languages import Seems, seems
from detectors.text.personas import prompted_names
from detectors.text.vendors import LONGEST_TEXT, find_mentions, fold
from fingerprints.records import Arm, Kind, Probe, Reply
from fingerprints.transcript import Transcript

NOBODY = "(nobody)"
"""Stands for read answers that name no vendor as the speaker or its maker."""
UNREAD = "(unread)"
"""Stands for answers in a language that claims are not read in: nobody knows whom they name."""


@dataclass(frozen=True)
class ClaimingAnswer:
    """One reply that can be read, with the claims found in it.

    ``prompted`` are the makers whose names a recorded system prompt gives the model: a claim of one
    of them is that of the persona, and no word of the model's own. ``mentioned`` are those that it
    names besides, to forbid or to compare them: a claim of one of them is the model's own.
    """

    reply: Reply
    probe: Probe
    claims: tuple[Claim, ...]
    prompted: frozenset[str] = frozenset()
    mentioned: frozenset[str] = frozenset()

    @property
    def named(self) -> frozenset[str]:
        """Vendors that the answer plainly names as the speaker or its maker, of itself."""
        return frozenset(c.vendor for c in self.claims if c.counts) - self.prompted

    @property
    def obeyed(self) -> frozenset[str]:
        """Vendors that the answer names because its system prompt gives it their names."""
        return frozenset(c.vendor for c in self.claims if c.counts) & self.prompted

    @property
    def language(self) -> str:
        """The question's language; ``und`` where the probe names none."""
        return self.probe.language or "und"

    @property
    def written_in(self) -> Seems:
        """The language that the answer itself seems to be in, and whether claims are read in it."""
        return seems(self.reply.answer[:LONGEST_TEXT])

    @property
    def read(self) -> bool:
        """Whether claims could be found in it: a found one shows that they could."""
        return bool(self.claims) or self.written_in.read

    def says(self, vendor: str) -> bool:
        """Whether the answer names the vendor; for ``NOBODY``, whether it is read and names none;
        for ``UNREAD``, whether it is not read."""
        silent = not self.named and not self.obeyed
        if vendor in (NOBODY, UNREAD):
            return silent and self.read == (vendor == NOBODY)
        return vendor in self.named

    def has(self, vendor: str, polarity: str) -> bool:
        """Whether the speaker affirms, denies or doubts the vendor somewhere in the answer."""
        return any(
            c.vendor == vendor and c.person == "first" and c.polarity == polarity
            for c in self.claims
        )


def read_answers(transcript: Transcript, kind: Kind = "identity") -> tuple[ClaimingAnswer, ...]:
    """The readable replies to probes of a kind, with their claims."""
    asked = [
        (reply, transcript.probes[reply.probe_id])
        for reply in transcript.of_kind(kind)
        if reply.answered
    ]
    return tuple(read_answer(r, p, context_of(p)) for r, p in asked)


def read_answer(reply: Reply, probe: Probe, context: QuestionContext) -> ClaimingAnswer:
    """The claims of what a reply says, its thoughts left out, after a question of that context."""
    claims = extract_claims(reply.answer, context)
    return claiming(reply, probe, claims)


def claiming(reply: Reply, probe: Probe, claims: tuple[Claim, ...]) -> ClaimingAnswer:
    """A reply with claims that were found in it, beside what its recorded system prompts name."""
    told = [prompted_names(turn.content) for turn in probe.history if turn.role == "system"]
    given = frozenset(maker for names in told for maker in names.given)
    every = frozenset(maker for names in told for maker in names.mentioned)
    return ClaimingAnswer(reply, probe, claims, given, every - given)


def makers_in(text: str) -> frozenset[str]:
    """The makers whose names stand in the first 4,000 characters of a text."""
    return frozenset(mention.vendor for mention in find_mentions(fold(text).text))


def telling_arms(answers: Iterable[ClaimingAnswer]) -> tuple[Arm, ...]:
    """The arms in which the model's own system prompt is not there: empty and neutral, else
    recorded, else its own."""
    present = {a.reply.arm for a in answers}
    for group in ((Arm.EMPTY, Arm.NEUTRAL), (Arm.RECORDED,), (Arm.OWN,)):
        found = tuple(arm for arm in group if arm in present)
        if found:
            return found
    return ()


def chosen(
    answers: Iterable[ClaimingAnswer],
    arms: Collection[Arm] | None = None,
    language: str | None = None,
) -> tuple[ClaimingAnswer, ...]:
    """The answers of some arms and one language; None takes all."""
    return tuple(
        a
        for a in answers
        if (arms is None or a.reply.arm in arms) and (language is None or a.language == language)
    )


def claim_rate(answers: Sequence[ClaimingAnswer], vendor: str) -> Estimate:
    """How often the answers name a vendor: mean over questions, 95 % interval clustered by
    question. Raises ValueError where there are no answers."""
    return clustered_rate(
        [float(a.says(vendor)) for a in answers], [a.probe.cluster for a in answers]
    )


def point_rate(answers: Sequence[ClaimingAnswer], vendor: str) -> float:
    """The same rate without its interval. Raises ValueError where there are no answers."""
    means = cluster_means(
        [float(a.says(vendor)) for a in answers], [a.probe.cluster for a in answers]
    )
    return float(np.mean(means))


def vendors_named(answers: Iterable[ClaimingAnswer]) -> tuple[str, ...]:
    """Vendors that any of the answers names, in alphabetical order."""
    return tuple(sorted({v for a in answers for v in a.named}))


def most_named(answers: Sequence[ClaimingAnswer]) -> str | None:
    """The vendor with the highest claim rate (the first by name among equals); None where none
    is named."""
    named = vendors_named(answers)
    return (
        max(named, key=lambda v: (point_rate(answers, v), [-ord(c) for c in v])) if named else None
    )


def arms_of(answers: Iterable[ClaimingAnswer]) -> tuple[Arm, ...]:
    """The arms that have answers, in the order own, empty, neutral, recorded."""
    present = {a.reply.arm for a in answers}
    return tuple(arm for arm in Arm if arm in present)


def languages_of(answers: Iterable[ClaimingAnswer]) -> tuple[str, ...]:
    """The languages that have answers, in alphabetical order."""
    return tuple(sorted({a.language for a in answers}))


def null_of(value: float, rates: Sequence[float], population: str) -> Null:
    """The null of a rate: what unrelated models measure, and the conformal p of the value among
    them (empty without any)."""
    if not rates:
        return Null(n=0, population=population)
    at_least = sum(r >= value for r in rates)
    return Null(
        n=len(rates),
        mean=float(np.mean(rates)),
        sd=float(np.std(rates, ddof=1)) if len(rates) > 1 else None,
        quantiles=tuple((str(q), float(np.quantile(rates, q))) for q in (0.5, 0.9, 1.0)),
        at_least=at_least,
        p=(1 + at_least) / (len(rates) + 1),
        population=population,
    )
