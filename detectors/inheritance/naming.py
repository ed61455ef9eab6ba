"""Whom the suspect names besides itself: the confused pair, measured for the suspect alone.

A model's own name is the vendor that it names most under its own system prompt. Knows claims and
rates; knows no candidate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.base import Case, Measurement, Rank, Table, Teacher
from detectors.exhibits.identity import agreement, by_vendor, foreign_exhibits, vendors_by_arm
from detectors.stats.intervals import Estimate, cluster_means, clustered_rate
from detectors.text.claim_rates import (
    NOBODY,
    ClaimingAnswer,
    chosen,
    languages_of,
    most_named,
    null_of,
    point_rate,
    read_answers,
    telling_arms,
)
from detectors.text.vendors import vendor_title
from fingerprints.records import Arm
from fingerprints.transcript import Transcript

NOTES = (
    (
        "The model's own name is the vendor that it names most under its own system prompt; where"
        " it names none, every vendor counts as another."
    ),
    (
        "Unmodified models of several makers name other vendors when their system prompt is taken"
        " away. This is no sign of training on anybody's outputs by itself; the stored models'"
        " rates stand beside it."
    ),
)


def own_name(answers: Sequence[ClaimingAnswer]) -> str | None:
    """The vendor that the answers under the model's own system prompt name most; None where they
    name none."""
    return most_named(chosen(answers, [Arm.OWN]))


def foreign_rate(answers: Sequence[ClaimingAnswer], own: str | None) -> Estimate:
    """How often answers name a vendor other than ``own``: mean over questions, 95 % interval
    clustered by question."""
    return clustered_rate(_foreign(answers, own), [a.probe.cluster for a in answers])


def _foreign(answers: Sequence[ClaimingAnswer], own: str | None) -> list[float]:
    return [float(bool(a.named - {own})) for a in answers]


def measure_naming(case: Case) -> Measurement:
    """The suspect's rate of naming another vendor than its own, without its own system prompt where
    that was asked.

    Higher: more often another's name. The null is the same rate of every stored model, against that
    model's own name.
    """
    answers = read_answers(case.suspect)
    arms = telling_arms(answers)
    telling = chosen(answers, arms)
    own = own_name(answers)
    rate = foreign_rate(telling, own)
    others = [
        r for t in case.population if (r := _stored_rate(t, telling, case.suspect)) is not None
    ]
    leading = read_answers(case.suspect, "leading")
    return Measurement(
        metric="other_vendor_rate",
        metric_id="other_vendor_rate",
        value=rate.value,
        n=rate.clusters,
        n_unit="questions",
        counts_prompts=True,
        direction="higher: more often gives a vendor's name that is not its own",
        interval=rate.interval,
        rank=Rank(position=1 + sum(r > rate.value for r in others), of=1 + len(others)),
        null=null_of(
            rate.value, others, "stored models asked the same questions, each against its own name"
        ),
        summary=_summary(answers, telling, own, rate),
        tables=(
            by_vendor(answers),
            _by_language(telling, own),
            *([agreement(leading)] if leading else []),
        ),
        charts=(vendors_by_arm(answers, own),),
        exhibits=foreign_exhibits(answers, own),
        notes=NOTES,
    )


def _stored_rate(
    teacher: Teacher, telling: Sequence[ClaimingAnswer], suspect: Transcript
) -> float | None:
    if teacher.transcript.identity.same_weights(suspect.identity):
        return None
    asked, arms = {a.probe.id for a in telling}, {a.reply.arm for a in telling}
    answers = read_answers(teacher.transcript)
    same = [
        a
        for a in chosen(answers, telling_arms(answers) if Arm.RECORDED in arms else arms)
        if a.probe.id in asked
    ]
    if not same:
        return None
    said = _foreign(same, own_name(answers))
    return float(np.mean(cluster_means(said, [a.probe.cluster for a in same])))


def _summary(
    answers: Sequence[ClaimingAnswer],
    telling: Sequence[ClaimingAnswer],
    own: str | None,
    rate: Estimate,
) -> str:
    named = "no vendor" if own is None else f"{vendor_title(own)} most"
    seen = bool(chosen(answers, [Arm.OWN]))
    opening = (
        f"Under its own system prompt the suspect names {named}"
        if seen
        else "Its own system prompt was not seen"
    )
    without = [a for a in telling if a.named - {own}]
    other = most_named([a for a in telling if own not in a.named]) if without else None
    whom = (
        "nobody else"
        if other is None
        else f"{vendor_title(other)} most often ({100 * point_rate(telling, other):.0f} %)"
    )
    return (
        f"{opening}; without it, it names {whom}, another vendor than its own in"
        f" {100 * rate.value:.0f} % of answers ({100 * rate.low:.0f} to {100 * rate.high:.0f} %,"
        f" {rate.clusters} questions), and nobody in {100 * point_rate(telling, NOBODY):.0f} %."
    )


def _by_language(telling: Sequence[ClaimingAnswer], own: str | None) -> Table:
    rows = []
    for language in languages_of(telling):
        part = chosen(telling, None, language)
        rate = foreign_rate(part, own)
        top = most_named([a for a in part if own not in a.named])
        rows.append((language, *rate.row, top or NOBODY, point_rate(part, NOBODY)))
    return Table(
        title="Naming another vendor, by language of the question",
        columns=(
            *("language", "questions", "answers", "rate", "low", "high"),
            *("other named most", "names nobody"),
        ),
        rows=tuple(rows),
        caption=(
            "Only answers without the suspect's own system prompt, where there are any; intervals"
            " clustered by question."
        ),
    )
