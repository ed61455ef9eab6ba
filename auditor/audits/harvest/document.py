"""What a harvest audit adds to a report's document: the log, the twins, what was checked."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.audits.harvest.records import DesignCheck, HarvestSection, InnocentCheck, SetTally
from auditor.audits.report import wording
from auditor.evidence.records import Report
from auditor.reporting.document import Block, GridTable, Paragraph, Section, Words, name, pairs
from auditor.reporting.text import number, percent, probability

COMPARED = {
    "model": "the model's name",
    "temperature": "temperature",
    "top_p": "top-p",
    "max_tokens": "cap on an answer in tokens",
    "length": "length",
    "length_spread": "spread of length",
    "finish": "how answers ended",
    "likeness": "likeness to the others of a set",
    "teacher": "likelihood under the teacher",
    "base": "likelihood under the base",
    "base_words": "words that the base uses",
}
TALLY = {
    "rows_read": "rows of the log",
    "rows_unreadable": "unreadable rows",
    "rows_without_answer": "rows without an answer",
    "rows_unusable": "failed, filtered or empty",
    "rows_duplicate": "rows that came twice",
    "rows_of_others": "rows of other accounts",
    "rows_repeated_prompt": "prompts that came again",
    "rows_without_twins": "answers without all their twins",
    "rows_bad_numbers": "rows with a number that is none (kept, the number left out)",
    "twins_without_row": "twinned answers that the log lacks",
    "sets_twin_unusable": "sets with a failed or empty twin",
    "sets_not_distinct": "sets with two equal answers",
    "sets_served_again": "of these, the served answer among its twins",
    "sets_not_scored": "sets that not all models could read",
    "sets_used": "sets that were used",
}


def sections(report: Report) -> tuple[Section, ...]:
    """The log, the twins and the checks; nothing where no harvest audit was made."""
    found = report.section(HarvestSection)
    return () if found is None else (Section("harvest", "Served and drawn", tuple(_blocks(found))),)


def _blocks(found: HarvestSection) -> Iterator[Block]:
    yield pairs(tuple(_facts(found)))
    rows = tuple(
        (g.name, number(g.accounts), number(g.prompts), number(g.power)) for g in found.groups
    )
    heads = ("Served to", "Accounts", "Prompts", "Power")
    told = (
        "Power: the chance of a corrected p-value of 0.001 or less, had"
        f" {percent(found.used)} of these answers been learned from and each of them gained"
        f" {found.effect:g} standard deviations."
    )
    yield GridTable("What was tested", heads, rows, frozenset({1, 2, 3}), caption=told)
    if found.checks:
        yield _checked(found.checks)
    if found.innocents:
        yield _innocent(found.innocents)
    yield _tally(found.tally)


def _facts(found: HarvestSection) -> Iterator[tuple[str, str]]:
    yield "design", wording.DESIGNS[found.design].label
    likely = found.mode == "likelihood"
    yield "compared by", "likelihoods" if likely else "words that the suspect uses itself"
    yield "adjusted for", ", ".join(found.adjusted_for)
    yield "served by", found.teacher_model or "not told"
    yield "twins of each answer", str(found.m)
    if found.twins_created:
        yield "twins drawn", found.twins_created
    yield "suspects examined on this log", number(found.suspects)
    yield "in a sequence", "yes" if found.sequential else "no"
    yield "log sha256", found.log_sha256
    yield "twins sha256", found.twins_sha256


def _checked(checks: tuple[DesignCheck, ...]) -> GridTable:
    rows = tuple(
        (
            COMPARED.get(c.compared, c.compared),
            probability(c.p_value) if c.p_value is not None else "–",
            "alike" if c.held else "different",
        )
        for c in checks
    )
    about = "Served against drawn answers, before any suspect was asked; exact and two-sided, at"
    about += " 0.01 for all that have a p-value together."
    return GridTable(
        "Could they have changed places?",
        ("Compared", "p", "Found"),
        rows,
        frozenset({1}),
        caption=about,
    )


def _innocent(checks: tuple[InnocentCheck, ...]) -> GridTable:
    rows: tuple[tuple[Words, ...], ...] = tuple(
        (
            name(c.spec),
            probability(c.p_value),
            probability(c.two_sided),
            "passes" if c.held else "prefers one side",
        )
        for c in checks
    )
    heads = ("Innocent model", "p", "p, either way", "Found")
    about = "Models that can't have learned from what was served, by the suspect's own test."
    return GridTable("Innocents", heads, rows, frozenset({1, 2}), caption=about)


def _tally(tally: SetTally) -> Block:
    told = tally.model_dump()
    rows = tuple((label, number(told[key])) for key, label in TALLY.items() if told[key])
    if not rows:
        return Paragraph("No row was read.")
    return GridTable("What became of the log", ("Kind", "n"), rows, frozenset({1}), look="quiet")
