"""What an audit of inheritance adds to a report's document: whom the suspect says that it is, and
how soon it had asked enough."""

from __future__ import annotations

from auditor.audits.inheritance.records import SelfDescriptionSection, SequentialSection
from auditor.evidence.records import Report
from auditor.reporting import labels
from auditor.reporting.document import Block, Bullets, Paragraph, Section, full, grid
from auditor.reporting.text import number
from detectors.text.languages import UNDETERMINED, named

COLUMNS = (
    "vendor",
    "rate",
    "strangers reach",
    "taught reach",
    "p more",
    "p less",
    "decision",
    "after",
)
DECISIONS = {
    "more": "more alike than the known strangers",
    "less": "less alike than nine in ten taught models",
    "open": "open",
}
UNCALIBRATED = (
    "The bets are uncalibrated, on stored strangers alone, and none is against taught models"
)
TITLE = "Asked until it was enough"
SAYS, BY_NAMES = "Whom it says it is", "self_identification"


def says(report: Report) -> tuple[Section, ...]:
    """Whom the suspect says that it is: the sentences, and its claims by system prompt as a chart;
    nothing where it was not asked and no sentence says so."""
    told: tuple[Block, ...] = ()
    if report.section(SelfDescriptionSection) is not None:
        told = (full(Paragraph(report.headline[0], "answer")),) if report.headline else ()
        told += (Bullets(report.headline[1:]),) if report.headline[1:] else ()
    alone = (f for f in report.findings if f.detector == BY_NAMES and f.candidate is None)
    charts = tuple(full(labels.chart(c)) for f in alone for c in f.charts)
    blocks = (*told, *charts)
    return (Section("says", SAYS, blocks),) if blocks else ()


def sections(report: Report) -> tuple[Section, ...]:
    """The bets of every vendor; nothing where all questions were asked."""
    found = report.section(SequentialSection)
    if found is None:
        return ()
    blocks = (Paragraph(_told(found), "lead"), grid(TITLE, COLUMNS, _rows(found)))
    return (Section("sequential", TITLE, blocks),)


def _told(section: SequentialSection) -> str:
    """In one sentence how many questions were needed, and what the decisions mean."""
    saved = section.planned - section.asked
    told = f"{section.asked} of {section.planned} questions were asked"
    told += f"; {saved} were saved" if section.stopped and saved > 0 else ""
    return (
        f"{told}. Rates are shares of rival vendors below the vendor, over {section.prompts}"
        " prompts; p-values hold however often one looks, for all vendors together (alpha"
        f" {section.alpha:g}). This is likeness, not teaching; one more stranger is more alike than"
        f" n known ones with a chance of 1/(n + 1).{_levels(section)}"
    )


def _levels(section: SequentialSection) -> str:
    """Where the levels of untaught and taught models come from, or that there are none, and why."""
    if section.calibration is not None:
        return f" Untaught and taught models are those of the calibration {section.calibration}."
    if section.language is None:
        return f" {UNCALIBRATED}."
    if section.language == UNDETERMINED:
        return f" {UNCALIBRATED}: the language of the first answers could not be told."
    return (
        f" {UNCALIBRATED}: no calibration at hand has levels for answers in"
        f" {named(section.language)}."
    )


def _rows(section: SequentialSection) -> list[tuple[str, ...]]:
    """Every vendor's bets as texts, the most alike first."""
    return [
        (
            r.vendor,
            number(r.rate),
            f"{number(r.stranger)} (n = {r.strangers})",
            number(r.taught),
            number(r.p_more),
            number(r.p_less),
            DECISIONS[r.decision],
            "\N{EN DASH}" if r.after is None else f"{r.after} prompts",
        )
        for r in sorted(section.rows, key=lambda r: -r.rate)
    ]
