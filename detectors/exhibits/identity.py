"""How self-identification is shown: the summary sentence, tables, the chart, and the answers
quoted.

Knows how to tell the numbers; computes none of its own beyond rates by arm, language and leading
question.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from detectors.base import Bar, Cell, Chart, Exhibit, Span, Table
from detectors.lineup import counted
from detectors.stats.intervals import clustered_mean, clustered_rate
from detectors.text.claim_rates import (
    NOBODY,
    ClaimingAnswer,
    arms_of,
    chosen,
    claim_rate,
    languages_of,
    most_named,
    point_rate,
    vendors_named,
)
from detectors.text.claims import Claim, extract_claims
from detectors.text.identity_evidence import Heard, IdentityEvidence, stretches
from detectors.text.vendors import LONGEST_TEXT, vendor_title
from fingerprints.records import Arm

MOST_EXHIBITS, MOST_THOUGHTS = 8, 3
_CLUSTERED = (
    "Rates are means over questions; low and high are 95 % intervals clustered by question."
)


def summary(answers: Sequence[ClaimingAnswer], arms: Collection[Arm], vendor: str) -> str:
    """Whom the suspect names under its own system prompt, whom without it, and how often nobody:
    one sentence."""
    telling = chosen(answers, arms)
    rate = claim_rate(telling, vendor) if telling else None
    value = ""
    if rate is not None:
        share = f"{_percent(rate.value)} ({_percent(rate.low)} to {_percent(rate.high)})"
        value = f"{share} of answers, over {counted(rate.clusters, 'question')}"
    parts = [
        f"{_setting(arms)} the suspect names {vendor_title(vendor)} in {value}: {_most(telling)}"
    ]
    own = chosen(answers, [Arm.OWN])
    if own and Arm.OWN not in arms:
        parts.append(f"under its own system prompt {_most(own)}")
    return "; ".join(parts) + "."


def _setting(arms: Collection[Arm]) -> str:
    if Arm.OWN in arms:
        return "Under its own system prompt"
    return "In recorded answers" if Arm.RECORDED in arms else "Without its own system prompt"


def _most(answers: Sequence[ClaimingAnswer]) -> str:
    """Whom the answers name most, and the share that name no maker of the table."""
    none = _percent(point_rate(answers, NOBODY))
    top = most_named(answers)
    if top is None:
        return "it names no maker of the table at all"
    share = _percent(point_rate(answers, top))
    return f"most often {vendor_title(top)} ({share}), no maker of the table in {none}"


def _percent(rate: float) -> str:
    return f"{100 * rate:.0f} %"


def tables(
    answers: Sequence[ClaimingAnswer],
    leading: Sequence[ClaimingAnswer],
    arms: Collection[Arm],
    vendor: str,
) -> tuple[Table, ...]:
    """The vendor's claim rates by arm and by language; and, apart, whether the suspect agrees
    when the vendor is named."""
    out = [_by_arm(answers, vendor), _by_language(chosen(answers, arms), vendor)]
    return (*out, agreement(leading, vendor)) if leading else tuple(out)


def _by_arm(answers: Sequence[ClaimingAnswer], vendor: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for arm in arms_of(answers):
        part = chosen(answers, [arm])
        top = most_named(part)
        counts = [
            sum(a.has(vendor, polarity) for a in part)
            for polarity in ("affirmed", "denied", "hedged")
        ]
        rows.append(
            (
                arm.value,
                *_rated(part, vendor),
                *counts,
                top or NOBODY,
                point_rate(part, top or NOBODY),
                point_rate(part, NOBODY),
            )
        )
    return Table(
        title=f"Claims of {vendor_title(vendor)}, by system prompt",
        columns=(
            *("arm", "questions", "answers", "rate", "low", "high"),
            *("affirmed", "denied", "hedged"),
            *("names most", "its rate", "names no known maker"),
        ),
        rows=tuple(rows),
        caption=f"{_CLUSTERED} affirmed, denied and hedged count answers.",
    )


def _rated(part: Sequence[ClaimingAnswer], vendor: str) -> tuple[Cell, ...]:
    return claim_rate(part, vendor).row if part else (0, 0, None, None, None)


def _by_language(telling: Sequence[ClaimingAnswer], vendor: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for language in languages_of(telling):
        part = chosen(telling, None, language)
        rows.append(
            (language, *_rated(part, vendor), most_named(part) or NOBODY, point_rate(part, NOBODY))
        )
    return Table(
        title=f"Claims of {vendor_title(vendor)}, by language of the question",
        columns=(
            *("language", "questions", "answers", "rate", "low", "high"),
            *("names most", "names no known maker"),
        ),
        rows=tuple(rows),
        caption=(
            f"{_CLUSTERED} Only answers without the suspect's own system prompt, where there are"
            " any."
        ),
    )


def by_vendor(answers: Sequence[ClaimingAnswer]) -> Table:
    """Every named vendor's claim rate in each arm, the most named first, and the share that name
    nobody."""
    rows: list[tuple[Cell, ...]] = []
    for arm in arms_of(answers):
        part = chosen(answers, [arm])
        ordered = sorted(vendors_named(part), key=lambda v: (-point_rate(part, v), v))
        rows += [
            (arm.value, v, sum(a.says(v) for a in part), *_rated(part, v))
            for v in (*ordered, NOBODY)
        ]
    return Table(
        title="Whom the suspect names, by system prompt",
        columns=("arm", "vendor", "claims", "questions", "answers", "rate", "low", "high"),
        rows=tuple(rows),
        caption=(
            f"{_CLUSTERED} An answer may name more than one vendor. No question of the bank names"
            " any."
        ),
    )


def agreement(leading: Sequence[ClaimingAnswer], vendor: str | None = None) -> Table:
    """How often the suspect agrees to a vendor named to it, against how often it agrees to any
    other; None shows all."""
    rows: list[tuple[Cell, ...]] = []
    for arm in arms_of(leading):
        part = [a for a in leading if a.reply.arm is arm and a.probe.vendor]
        agreed = {
            v: [_agrees(a) for a in part if a.probe.vendor == v]
            for v in sorted({a.probe.vendor or "" for a in part})
        }
        shown = {v: said for v, said in agreed.items() if vendor in (None, v)}
        for named, said in sorted(
            shown.items(), key=lambda item: (-float(np.mean(item[1])), item[0])
        ):
            rate = clustered_rate(said, [a.probe.cluster for a in part if a.probe.vendor == named])
            rows.append((arm.value, named, *rate.row))
        rows += _contrast(arm, agreed, vendor)
    return Table(
        title="Agreement when a vendor is named in the question (reported apart)",
        columns=("arm", "vendor named", "questions", "answers", "agrees", "low", "high"),
        rows=tuple(rows),
        caption=(
            "A model that agrees to every name says nothing about any. The row of all (other)"
            " vendors is that readiness, clustered by vendor; 'difference' is the candidate's"
            " vendor less all others. None of it enters the claim rate."
        ),
    )


def _agrees(answer: ClaimingAnswer) -> float:
    return float(any(c.counts and c.vendor == answer.probe.vendor for c in answer.claims))


def _contrast(
    arm: Arm, agreed: dict[str, list[float]], vendor: str | None
) -> list[tuple[Cell, ...]]:
    others = [(float(np.mean(said)), named) for named, said in agreed.items() if named != vendor]
    if not others:
        return []
    rates = [rate for rate, _ in others]
    base = clustered_rate(rates, [named for _, named in others])
    whose = "all vendors" if vendor is None else "all other vendors"
    rows: list[tuple[Cell, ...]] = [(arm.value, whose, *base.row)]
    if vendor is not None and vendor in agreed and len(others) > 1:
        own = float(np.mean(agreed[vendor]))
        gap = clustered_mean([own - rate for rate in rates], [named for _, named in others])
        rows.append((arm.value, "difference", *gap.row))
    return rows


def vendors_by_arm(answers: Sequence[ClaimingAnswer], vendor: str | None) -> Chart:
    """All vendors' claim rates as dots with intervals, grouped by arm; one vendor is marked,
    where one is given."""
    bars = []
    for arm in arms_of(answers):
        part = chosen(answers, [arm])
        shown = {*vendors_named(part), *([vendor] if vendor else [])}
        for named in (*sorted(shown, key=lambda v: (-point_rate(part, v), v)), NOBODY):
            if part:
                label = NOBODY if named == NOBODY else vendor_title(named)
                rate, strong = claim_rate(part, named), named == vendor
                bars.append(Bar.of(label, rate.value, rate.interval, strong, arm.value))
    return Chart(
        kind="dots",
        title="Whom the suspect says it is, or comes from, by system prompt",
        x_label="share of questions (95 % interval, clustered by question)",
        bars=tuple(bars),
        caption=(
            "No question of the bank names a vendor. Groups are system prompts: the model's own, an"
            " empty one, a neutral one, or an unknown one (recorded)."
        ),
    )


def exhibits(
    answers: Sequence[ClaimingAnswer], arms: Collection[Arm], vendor: str
) -> tuple[Exhibit, ...]:
    """Up to eight answers: those that name the vendor, then denials, doubts, whom it names
    instead; varied in arm, language."""
    ranked = [
        (4.0, [a for a in answers if a.says(vendor) and a.reply.arm in arms]),
        (3.0, [a for a in answers if a.says(vendor) and a.reply.arm not in arms]),
        (2.0, [a for a in answers if not a.says(vendor) and a.has(vendor, "denied")]),
        (1.5, [a for a in answers if not a.says(vendor) and a.has(vendor, "hedged")]),
        (1.0, [a for a in answers if a.named and not any(c.vendor == vendor for c in a.claims)]),
    ]
    # Denials, doubts and other names keep a place, however many answers name the vendor.
    room = {4.0: 5, 3.0: 6, 2.0: 7, 1.5: 7, 1.0: MOST_EXHIBITS}
    out: list[Exhibit] = []
    for weight, group in ranked:
        for answer in _varied(group)[: max(0, room[weight] - len(out))]:
            out.append(_exhibit(answer, vendor, round(weight - len(out) / 100, 2)))
    return tuple(out)


def naming_exhibits(evidence: IdentityEvidence, own: str | None) -> tuple[Exhibit, ...]:
    """Up to eight answers that name a maker of themselves: others than ``own`` first, asked ones
    before those that nobody asked, varied in arm, language and question. One of each way in which
    the user may have led to the name keeps a place, and says so."""
    heard = [h for h in (*evidence.asked, *evidence.of("elsewhere")) if h.named]
    named = [h.answer for h in heard]
    others = [a for a in named if a.named - {own}]
    ranked = [*_varied(others), *_varied([a for a in named if not a.named - {own}])]
    kept = [next((h.answer for h in heard if led(h)), None) for led in _BY_USER.values()]
    needed = {a.reply.key: a for a in kept if a is not None}
    room = MOST_EXHIBITS - len(needed)
    shown = [*[a for a in ranked if a.reply.key not in needed][:room], *needed.values()]
    told = {h.answer.reply.key: _by_user(h) for h in heard}
    return tuple(
        _exhibit(a, min(a.named - {own} or a.named), round(1 - i / 100, 2), told[a.reply.key])
        for i, a in enumerate(shown)
    )


_BY_USER: Mapping[str, Callable[[Heard], frozenset[str]]] = {
    "after the user had named that maker: ": lambda h: h.agrees,
    "where another may speak: ": lambda h: h.named & h.played,
    "after the user had compared the model with it: ": lambda h: h.named & h.compared,
}


def _by_user(heard: Heard) -> str:
    """How the user may have led to the names in an answer; empty where nobody did."""
    return next((way for way, led in _BY_USER.items() if led(heard)), "")


def thought_exhibits(evidence: IdentityEvidence) -> tuple[Exhibit, ...]:
    """Up to three stretches of thoughts that name a maker, told as thoughts."""
    out: list[Exhibit] = []
    for heard in evidence.of("thoughts"):
        parts = stretches(heard.answer.reply.thinking) if heard.named else []
        found = ((part, extract_claims(part)) for part in parts)
        for part, claims in found:
            told = [c for c in claims if c.counts and c.vendor in heard.named]
            if told and len(out) < MOST_THOUGHTS:
                why = f"in its thoughts, not in an answer: {_why(told[0])}"
                spans = tuple(Span(start=c.start, end=c.end, why=_why(c)) for c in told)
                probe, arm = heard.answer.probe, heard.answer.reply.arm
                weight = round(0.5 - len(out) / 100, 2)
                out.append(Exhibit.of(probe, arm, part, spans=spans, why=why, weight=weight))
                break
    return tuple(out)


def _varied(group: Sequence[ClaimingAnswer]) -> list[ClaimingAnswer]:
    """The answers in an order that takes a new arm, language and question before one seen
    already."""
    left = list(group)
    out: list[ClaimingAnswer] = []
    seen: list[tuple[str, str, str]] = []
    while left and len(out) < MOST_EXHIBITS:
        best = min(
            left,
            key=lambda a: (
                sum(x == y for old in seen for x, y in zip(old, _traits(a), strict=True)),
                a.reply.key,
            ),
        )
        left.remove(best)
        out.append(best)
        seen.append(_traits(best))
    return out


def _traits(answer: ClaimingAnswer) -> tuple[str, str, str]:
    return (answer.reply.arm.value, answer.language, answer.probe.cluster)


def _exhibit(answer: ClaimingAnswer, vendor: str, weight: float, by_user: str = "") -> Exhibit:
    told = [c for c in answer.claims if c.person == "first"]
    about = [c for c in told if c.vendor == vendor] or told
    return Exhibit.of(
        answer.probe,
        answer.reply.arm,
        answer.reply.answer[:LONGEST_TEXT],
        spans=tuple(Span(start=c.start, end=c.end, why=_why(c)) for c in told),
        why=by_user + _why(about[0]) if about else "",
        weight=weight,
    )


_SAID = {
    "name": "calls itself by a name of {}",
    "maker": "names {} as its maker",
    "trainer": "names {} as its trainer",
    "policy": "says that it follows the policies of {}",
    "base": "says that it is built on a model of {}",
}


def _why(claim: Claim) -> str:
    said = _SAID[claim.kind].format(vendor_title(claim.vendor))
    return {"affirmed": said, "denied": f"denies: {said}", "hedged": f"in doubt: {said}"}[
        claim.polarity
    ]
