"""Whom the suspect says that it is: the first words of a report, and the counts beside them.

Knows what was heard and how it is told; weighs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from auditor.audits.inheritance.records import (
    MakerNamed,
    NameGiven,
    SelfDescriptionSection,
    UnlistedGiven,
    Unread,
)
from detectors.exhibits.named_makers import makers_named
from detectors.exhibits.self_description import OwnMaker, described, silent
from detectors.pairing import style_answers
from detectors.prompts_shared import PromptsShared
from detectors.text.identity_evidence import (
    IdentityEvidence,
    declared_names,
    identity_evidence,
)
from detectors.text.unlisted_names import unlisted_names
from fingerprints.transcript import Transcript


class IdentityTold(NamedTuple):
    """The sentences and the counts."""

    headline: tuple[str, ...]
    section: SelfDescriptionSection


@dataclass(frozen=True)
class StyleUse:
    """How many of the answers that tell of style were compared with stored models': ``of`` all,
    ``shared`` have prompts that some stored model answered, ``compared`` were; ``nearly`` have
    prompts that are the same but for a system turn."""

    of: int
    shared: int
    compared: int
    nearly: int = 0

    @classmethod
    def of_shared(cls, shared: PromptsShared, measured: bool) -> StyleUse:
        """By the prompts that are shared; ``measured``: style was compared with anybody's."""
        compared = shared.with_any if measured else 0
        return cls(shared.asked, shared.with_any, compared, shared.most_nearly)

    @property
    def told(self) -> str:
        """Why not all were compared, as a clause; empty where all were."""
        if self.compared == self.of:
            return ""
        few = ", too few to be compared" if 0 < self.shared > self.compared else ""
        clauses = [f"of {self.of} such answers {self.shared} are to prompts of stored models{few}"]
        if self.nearly:
            clauses.append(
                f"{self.nearly} are to prompts that are the same but for a recorded system prompt,"
                " and not compared"
            )
        return "; ".join(clauses)


def identity_told(
    transcript: Transcript, vendor: str = "", use: StyleUse | None = None
) -> IdentityTold:
    """Whom a transcript's suspect says that it is; ``vendor`` is who made it, where its user knows,
    ``use`` how many of its answers were compared for style (None: nobody compares). Deterministic.
    """
    evidence, own = identity_evidence(transcript), OwnMaker.of(vendor)
    declared = declared_names(transcript)
    told = described(evidence, own, declared)
    n = len(style_answers(transcript))
    use = use or StyleUse(n, n, n)
    section = SelfDescriptionSection(
        asked=len(evidence.asked),
        questions=len({h.answer.probe.cluster for h in evidence.asked}),
        makers=tuple(c.maker for c in told.makers),
        named=tuple(_named(evidence)),
        unused=tuple(
            Unread(source=source, reason=why, replies=n)
            for (source, why), n in sorted(evidence.unused.items())
        ),
        style_answers=use.compared,
        vendor=own.given,
        vendor_code=own.slug,
        declared=tuple(NameGiven(name=d.name, where=d.where, makers=d.makers) for d in declared),
        unlisted=tuple(
            UnlistedGiven(name=u.name, answers=u.answers, as_maker=u.as_maker)
            for u in unlisted_names(evidence.asked)
        ),
    )
    sentences = (*told.sentences, _used(evidence, use), _of_the_record(transcript))
    return IdentityTold(tuple(filter(None, sentences)), section)


def _used(evidence: IdentityEvidence, use: StyleUse) -> str:
    """How many answers were used for what."""
    read, led = len(evidence.of("bank", "own", "elsewhere")), len(evidence.of("leading"))
    apart = f" ({led} more to leading questions, counted apart)" if led else ""
    told = "; ".join(filter(None, (NO_STYLE if use.of < read else "", use.told)))
    why = f" ({told})" if told else ""
    return (
        f"Answers used: {read} for what it says of itself{apart}, {use.compared} for how it"
        f" writes{why}."
    )


NO_STYLE = (
    "one to a prompt, and none to the question bank's own questions about who it is or with fixed"
    " choices"
)
"""What of the answers is left out where the way of writing is compared."""


LEFT_OUT = frozenset({"duplicates", "given_turns", "turns", "unanswered"})
"""Kinds of events that tell what of a record is no answer of its own, or could not be read."""


def _of_the_record(transcript: Transcript) -> str:
    """What of a record was not taken for an answer; empty where all of it was."""
    told = [event.detail for event in transcript.events if event.kind in LEFT_OUT]
    return f"Of the record: {'; '.join(told)}." if told else ""


def _named(evidence: IdentityEvidence) -> Iterator[MakerNamed]:
    places = dict.fromkeys((h.source, h.setting) for h in evidence.heard)
    for source, setting in places:
        part = [h for h in evidence.of(source) if h.setting == setting]
        obeyed = Counter(maker for h in part for maker in h.answer.obeyed)
        counts = {c.maker: c for c in makers_named(part)}
        for maker in sorted({*counts, *obeyed}):
            found = counts.get(maker)
            yield MakerNamed(
                source=source,
                setting=setting,
                maker=maker,
                answers=found.answers if found else 0,
                of=len(part),
                suggested=found.suggested if found else 0,
                played=found.played if found else 0,
                compared=found.compared if found else 0,
                by_system_prompt=obeyed[maker],
            )
        yield MakerNamed(
            source=source, setting=setting, maker="", answers=silent(part), of=len(part)
        )
