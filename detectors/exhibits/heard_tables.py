"""Whom a suspect names of itself, and what of its answers was read, as tables beside the sentences.

Knows what was heard; decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from detectors.exhibits.named_makers import MakerCount, makers_named
from detectors.exhibits.self_description import REASONS, SOURCES, silent
from detectors.measurement import Cell, Table
from detectors.text.claim_rates import NOBODY
from detectors.text.identity_evidence import Heard, IdentityEvidence


def heard_table(evidence: IdentityEvidence) -> Table:
    """Every maker named, by what was asked and under which system prompt; the share that name
    nobody closes each."""
    rows: list[tuple[Cell, ...]] = []
    for source, words in SOURCES.items():
        heard = evidence.of(source)
        for setting in dict.fromkeys(h.setting for h in heard):
            part = [h for h in heard if h.setting == setting]
            rows += [(words, setting, *row) for row in _rows(part)]
    return Table(
        title="Whom it names of itself, by what it was asked",
        columns=(
            *("asked", "arm", "maker", "answers", "of"),
            *("user named it", "may be a part", "user compared", "by its system prompt"),
        ),
        rows=tuple(rows),
        caption=(
            "Counts of answers; one may name several makers. User named it: the user had named the"
            " maker or a model of it before. May be a part: the user asked for a text in"
            " which somebody else speaks (these two are counted for no maker). User"
            " compared: the user had named it, yet only to compare it with the model. By its system"
            " prompt: named as its recorded system prompt names it, and not among the answers."
            " Only the question bank is the same for all models."
        ),
    )


def _rows(part: Sequence[Heard]) -> Iterable[tuple[Cell, ...]]:
    obeyed = Counter(maker for h in part for maker in h.answer.obeyed)
    counts = {c.maker: c for c in makers_named(part)}
    for maker in (*counts, *(m for m, _ in obeyed.most_common() if m not in counts)):
        found = counts.get(maker, MakerCount(maker, 0))
        led = (found.suggested, found.played, found.compared)
        yield maker, found.answers, len(part), *led, obeyed[maker]
    yield NOBODY, silent(part), len(part), 0, 0, 0, 0


def used_table(evidence: IdentityEvidence) -> Table:
    """How many answers of each kind were read, and how many were not and why."""
    rows: list[tuple[Cell, ...]] = []
    for source, words in SOURCES.items():
        read, lost = len(evidence.of(source)), evidence.unused_of(source)
        if read or lost:
            rows.append((words, read, *(lost.get(why, 0) for why in REASONS)))
    return Table(
        title="What was read for claims",
        columns=("asked", "read", *REASONS.values()),
        rows=tuple(rows),
        caption=(
            f"Of {evidence.cut} long answers only the first 4,000 characters were read."
            if evidence.cut
            else "Every answer was read whole."
        ),
    )
