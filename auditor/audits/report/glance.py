"""The first screen of a report: three answers, whom the suspect says that it is, and how sure.

Knows lines; the kinds of audits tell them, and none is known by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.audits.report.lines import (
    LABELS,
    GlanceLine,
    GlancePart,
    Status,
    Told,
    answer_to,
    exactly_sure,
    questions_of,
    status_of,
    verdicts_on,
    whom,
)
from auditor.evidence.kinds import glances
from auditor.evidence.records import Report
from auditor.reporting.document import Definitions, Stretch, Words, strong
from detectors.measurement import Question

ASKED: dict[Question, str] = {
    "inheritance": "Learned from another model's answers?",
    "lineage": "Weights from another model's?",
    "service": "Serves the model that it claims?",
}
NOT_ASKED = "It was not asked in this audit."
NOT_LOOKED_AT = "This audit did not look at it."
NOTHING_MEASURED = "Nothing could be measured."
NOTHING_CONCLUDED = "Nothing was concluded, so there is nothing to be sure of."
TOLD_BELOW = "What stands behind it is told below."
TOLD: dict[Status, str] = {
    "supported": "The evidence supports it for",
    "not_supported": "The evidence speaks against it.",
    "inconclusive": "The evidence decides nothing in either direction.",
    "not_examined": NOT_LOOKED_AT,
}


@dataclass(frozen=True)
class Glance:
    """The three answers in their order, and whom the suspect says that it is."""

    lines: tuple[GlanceLine, ...]
    says: str


def glance(report: Report) -> Glance:
    """The report at a glance. The same report gives the same glance."""
    lines = {q: _by_codes(report, q) for q in questions_of(report)}
    says = NOT_ASKED
    for tell in glances(report.sections):
        part: GlancePart = tell(report)
        lines |= {line.question: line for line in part.lines}
        says = part.says or says
    return Glance(tuple(lines[q] for q in questions_of(report)), says)


def _by_codes(report: Report, question: Question) -> GlanceLine:
    """What is said of an answer of which no kind of audit tells a line."""
    status = status_of(report, question)
    told: Told = (TOLD[status],)
    answer = answer_to(report, question)
    if status == "not_examined" and answer is not None and answer.conclusion == "not_assessable":
        told = (NOTHING_MEASURED,)
    verdicts = verdicts_on(report, question)
    if status == "supported":
        found = [v for v in verdicts if v.outcome == "supported"]
        told = (f"{TOLD[status]} ", *whom(found), ".")
    exact = any(v.exact is not None for v in verdicts)
    return GlanceLine(question, status, told, exactly_sure(status, verdicts) if exact else ())


def badge(status: Status) -> Stretch:
    """A status as a badge."""
    return Stretch(LABELS[status], "badge", status)


def block(found: Glance) -> Definitions:
    """The first screen as a block: a badge and a line to each question, then the rest."""
    rows: list[tuple[Words, Words]] = [
        (ASKED[line.question], (badge(line.status), " ", *line.told)) for line in found.lines
    ]
    rows.append(("Says it is", found.says))
    rows.append(("How sure", tuple(_sure(found))))
    return Definitions(tuple(rows), "glance")


def _sure(found: Glance) -> Iterator[str | Stretch]:
    """How sure the answers are, each under the question that it is about where several are."""
    told = [line for line in found.lines if line.sure]
    if not told:
        concluded = any(line.status in ("supported", "not_supported") for line in found.lines)
        yield TOLD_BELOW if concluded else NOTHING_CONCLUDED
    for i, line in enumerate(told):
        yield " " if i else ""
        if len(told) > 1:
            yield strong(f"{line.question.capitalize()}: ")
        yield from line.sure
