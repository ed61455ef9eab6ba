"""Every vendor that a transcript's answers name, counted by arm and language: for tests and the
benchmark of self-identification."""

from __future__ import annotations

from detectors.measurement import Table
from detectors.text.claim_rates import (
    NOBODY,
    UNREAD,
    arms_of,
    chosen,
    claim_rate,
    languages_of,
    read_answers,
    vendors_named,
)
from fingerprints.transcript import Transcript


def claim_table(transcript: Transcript) -> Table:
    """Every named vendor's claim rate by arm and language, for comparison between models.

    Rows are vendor, arm, language (``all`` for all together), answers that name the vendor, number
    of questions, rate, and the ends of its 95 % interval clustered by question. ``(nobody)`` stands
    for answers that name no vendor, ``(unread)`` for those in a language that is not read. A
    transcript without identity answers gives a table without rows.
    """
    answers = read_answers(transcript)
    rows = []
    unread = (UNREAD,) if any(not a.read for a in answers) else ()
    for vendor in (*vendors_named(answers), NOBODY, *unread):
        for arm in arms_of(answers):
            for language in (None, *languages_of(chosen(answers, [arm]))):
                part = chosen(answers, [arm], language)
                if part:
                    rate = claim_rate(part, vendor)
                    said = sum(a.says(vendor) for a in part)
                    rows.append(
                        (
                            vendor,
                            arm.value,
                            language or "all",
                            said,
                            rate.clusters,
                            rate.value,
                            rate.low,
                            rate.high,
                        )
                    )
    return Table(
        title="Whom the model says it is, or comes from",
        columns=("vendor", "arm", "language", "claims", "questions", "rate", "low", "high"),
        rows=tuple(rows),
        caption=(
            "rate: mean over questions; low and high: 95 % interval, clustered by question (n is"
            " the number of questions)."
        ),
    )
