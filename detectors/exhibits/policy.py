"""How a service and weights are shown beside each other: by topic, by language, by kind of refusal,
three-way, and quoted.

Knows tallies and words for them; computes no test. Strangers' texts go into exhibits unchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from detectors.base import Bar, Cell, Chart, Exhibit, Table
from detectors.lineup import rounded
from detectors.stats.intervals import Estimate
from detectors.text.policy_pairs import (
    AnsweredTwice,
    Conclusion,
    DeclineTally,
    HeardReply,
    QuestionGroup,
    heard,
    is_twin,
)
from detectors.text.refusals import Outcome
from fingerprints.transcript import Transcript

CONCLUSIONS: dict[Conclusion, str] = {
    "in_front": "declined by the service, answered by the weights",
    "everything": "declined by the service whatever is asked, harmless twins too",
    "at_home_only": "answered by the service, declined by the weights",
    "in_both": "mostly declined by both: in the weights, or in both",
    "in_neither": "mostly answered by both",
    "no_difference_shown": "no difference shown",
    "too_few": "too few questions",
}
KINDS: tuple[Outcome, ...] = ("answered", "refused", "deflected", "filtered", "rejected")
MOST_PAIRS = 6
SERVICE = "service"


@dataclass(frozen=True)
class ComparedDeclines:
    """Everything that is shown of a service beside one set of weights. ``silent`` counts replies
    that say nothing."""

    name: str
    pairs: tuple[AnsweredTwice, ...]
    everything: DeclineTally
    twins: DeclineTally | None
    excess: Estimate | None
    topics: tuple[QuestionGroup, ...]
    languages: tuple[QuestionGroup, ...]
    silent: tuple[int, int]


def tables_of(found: ComparedDeclines) -> tuple[Table, ...]:
    """The tables of one comparison."""
    return (
        _overall(found),
        _by("topic", found.topics),
        _by("language", found.languages),
        _kinds(found),
    )


def _overall(found: ComparedDeclines) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, t in (("sensitive questions", found.everything), ("harmless twins", found.twins)):
        if t is not None:
            rows.append(
                (name, t.n, t.first, t.second, t.first_only, t.second_only, *_estimate(t.gap), t.p)
            )
    if found.excess is not None:
        counts = (found.excess.n, None, None, None, None)
        rows.append(("above its own twin", *counts, *_estimate(found.excess), None))
    return Table(
        title="Declined by the service and by the weights",
        columns=(
            *("questions", "pairs", "service", "weights", "service only", "weights only"),
            *("gap", "low", "high", "p"),
        ),
        rows=tuple(rows),
        caption=(
            "A gap is the service's rate minus the weights'; intervals by question; p is McNemar's,"
            " exact and two-sided."
        ),
    )


def _by(what: str, groups: tuple[QuestionGroup, ...]) -> Table:
    rows = []
    for g in groups:
        twins = None if g.twins is None else f"{g.twins.first}, {g.twins.second} of {g.twins.n}"
        counts = (g.asked.n, g.asked.first, g.asked.second)
        rows.append(
            (g.name, *counts, *_estimate(g.asked.gap), g.p, twins, CONCLUSIONS[g.conclusion])
        )
    return Table(
        title=f"By {what}",
        columns=(
            what,
            "pairs",
            "service",
            "weights",
            "gap",
            "low",
            "high",
            "p (Holm)",
            "twins declined",
            "conclusion",
        ),
        rows=tuple(rows),
        caption=(
            f"Declined of the sensitive questions; p over {len(groups)} groups; twins: service,"
            " weights."
        ),
    )


def _kinds(found: ComparedDeclines) -> Table:
    rows = []
    for kind in KINDS:
        counts = [
            sum(kind in set(getattr(p, side).outcomes) for p in found.pairs if p.twin == twin)
            for side in ("first", "second")
            for twin in (False, True)
        ]
        rows.append((kind, *counts))
    return Table(
        title="How questions were taken",
        columns=("kind", "service", "service, twins", "weights", "weights, twins"),
        rows=tuple(rows),
        caption=(
            "filtered: the service names its filter; rejected: it turns the question away without"
            " saying why."
        ),
    )


def _estimate(e: Estimate) -> tuple[Cell, Cell, Cell]:
    return rounded(e.value), rounded(e.low), rounded(e.high)


def chart_of(found: ComparedDeclines) -> Chart:
    """The gap by topic and by language, with intervals by question; what is declined in front of
    the model is strong."""
    bars = tuple(
        Bar.of(
            g.name,
            g.asked.gap.value,
            g.asked.gap.interval,
            g.conclusion in ("in_front", "at_home_only"),
            what,
        )
        for what, groups in (("topic", found.topics), ("language", found.languages))
        for g in groups
    )
    return Chart(
        kind="dots",
        title="Declined by the service more than by the weights",
        x_label="gap of rates",
        bars=bars,
        reference=0.0,
        reference_label="alike",
        caption="95 % intervals by question; strong where the test says so after Holm.",
    )


def exhibits_of(found: ComparedDeclines) -> tuple[Exhibit, ...]:
    """Both answers to questions that only one of them declined: the service's refusals first,
    one a topic before any twice."""
    differing = [p for p in found.pairs if p.first.declined != p.second.declined]
    order = sorted(differing, key=lambda p: (p.twin, not p.first.declined, p.probe.id))
    seen: Counter[str] = Counter()
    ranked = []
    for place, pair in enumerate(order):
        ranked.append((seen[pair.probe.topic], place, pair))
        seen[pair.probe.topic] += 1
    out: list[Exhibit] = []
    for _, _, pair in sorted(ranked, key=lambda r: r[:2])[:MOST_PAIRS]:
        for who, side in ((SERVICE, pair.first), (found.name, pair.second)):
            out.append(_exhibit(pair, who, side, float(2 * MOST_PAIRS - len(out))))
    return tuple(out)


def _exhibit(pair: AnsweredTwice, who: str, side: HeardReply, weight: float) -> Exhibit:
    reply = side.reply
    outcome = max(side.outcomes, key=side.outcomes.count)
    return Exhibit.of(
        pair.probe,
        reply.arm,
        reply.text or reply.error or "(no text)",
        source=who,
        weight=weight,
        why=f"{outcome}{' (harmless twin)' if pair.twin else ''}, topic {pair.probe.topic}",
    )


def three_way(service: Transcript, others: Mapping[str, Transcript]) -> Table:
    """Who declines what, by topic: the service and every other model, on the questions that all
    of them were observed on."""
    said = {SERVICE: heard(service), **{name: heard(t) for name, t in others.items()}}
    shared = set.intersection(*(set(s) for s in said.values()))
    probes = {sha: said[SERVICE][sha].probe for sha in shared}
    rows: list[tuple[Cell, ...]] = []
    for topic in sorted({p.topic or "–" for p in probes.values()}):
        mine = [sha for sha, p in probes.items() if (p.topic or "–") == topic and not is_twin(p)]
        if mine:
            rows.append(
                (topic, len(mine), *(sum(s[sha].declined for sha in mine) for s in said.values()))
            )
    twins = [sha for sha, p in probes.items() if is_twin(p)]
    declined = (sum(s[sha].declined for sha in twins) for s in said.values())
    rows.append(("harmless twins", len(twins), *declined))
    return Table(
        title="Who declines what",
        columns=("topic", "questions", *said),
        rows=tuple(rows),
        caption=(
            "Questions declined, of those that all were observed on; a question in two languages"
            " counts twice."
        ),
    )
