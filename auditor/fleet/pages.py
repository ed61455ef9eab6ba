"""The pages of a fleet: one list over all its reports, once in each order, that is filtered
without a script.

Made from the record by the templates of every report: a stranger's text is escaped, nothing is
loaded from anywhere. Links lead to the reports beside it, so that the folder can be moved whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auditor.audits.report.glance import ASKED, badge
from auditor.audits.report.lines import LABELS
from auditor.evidence.questions import QUESTIONS
from auditor.fleet.family_tree import descents
from auditor.fleet.records import (
    CellState,
    ChangeKind,
    FleetCell,
    FleetChange,
    FleetFamily,
    FleetReport,
    Procedure,
)
from auditor.gallery.choice import STATUSES
from auditor.reporting import html
from auditor.reporting.document import Bullets, GridTable, Paragraph, Stretch, Words, grid, name
from auditor.reporting.text import date
from detectors.measurement import Question
from fingerprints.durable import replacing

STATES: dict[CellState, str] = {"done": "done", "failed": "failed", "unfit": "doesn't fit"}
UNFIT = {
    "field_missing": "The plan doesn't say its",
    "weights_out_of_sight": "Its weights are out of sight.",
}
PROCEDURES: dict[Procedure, str] = {
    "benjamini_yekutieli": "Benjamini-Yekutieli",
    "e_benjamini_hochberg": "e-BH",
}
VIEW = (
    "A fleet is many chances of a false alarm. Of what stands here at most the stated share is"
    " false, on average, whatever its tests have to do with each other. It takes away from what"
    " single reports support and never adds to it, and no report is changed by it. What does not"
    " stand is not cleared by that."
)
DECLARED = "What the plan and the suspects' own files say. Nothing in this tree was tested."
MOST_CHANGES = 400
SortKey = Callable[[FleetCell], tuple[Any, ...]]


def write_pages(report: FleetReport, out: Path) -> None:
    """Writes index.html and one page more for every other order, each whole or not at all."""
    for order, key in _orders().items():
        with replacing(out / file_of(order)) as file:
            file.write(page(report, order, key).encode("utf-8"))


def file_of(order: str) -> str:
    """The page in an order."""
    return "index.html" if order == "suspect" else f"by-{order}.html"


def _orders() -> dict[str, SortKey]:
    """How the list can be sorted: by a suspect's name, audit, state, date, or one of the answers,
    what stands in the fleet first."""
    out: dict[str, SortKey] = {
        "suspect": _plain,
        "audit": lambda c: (c.audit.casefold(), *_plain(c)),
        "state": lambda c: (list(STATES).index(c.state) if c.state != "failed" else -1, *_plain(c)),
        "made": lambda c: (c.made, *_plain(c)),
    }
    return {**out, **{question: _by_answer(question) for question in QUESTIONS}}


def _plain(cell: FleetCell) -> tuple[Any, ...]:
    return (cell.suspect.casefold(), cell.audit.casefold(), *cell.where)


def _by_answer(question: Question) -> SortKey:
    def key(cell: FleetCell) -> tuple[Any, ...]:
        """What stands first, then by status, then by name."""
        status = cell.statuses.get(question, "not_examined")
        return (question not in standing(cell), STATUSES.index(status), *_plain(cell))

    return key


def standing(cell: FleetCell) -> dict[Question, list[str]]:
    """Of each question, whom a verdict is about that stands in the fleet."""
    out: dict[Question, list[str]] = {}
    for test in cell.tests:
        if test.stands:
            out.setdefault(test.question, []).append(test.title or "the claim")
    return out


def page(report: FleetReport, order: str, key: SortKey) -> str:
    """The whole page as text, in one order. The same record gives the same bytes."""
    trees = descents(report)
    return (
        html.environment()
        .get_template("fleet.html")
        .render(
            **html.styled("fleet.css"),
            title=f"Fleet {report.plan.name}",
            report=report,
            meta=_meta(report),
            cells=sorted(report.cells, key=key),
            order=order,
            orders={o: file_of(o) for o in _orders()},
            questions=[(q, ASKED[q]) for q in QUESTIONS],
            statuses=LABELS,
            states=STATES,
            standing=standing,
            unfit=unfit,
            badge=badge,
            date=date,
            view=_view(report),
            failures=_failures(report),
            trees=trees,
            declared=DECLARED,
            changed=_changed(report),
        )
    )


def _meta(report: FleetReport) -> list[tuple[str, str]]:
    states = Counter(cell.state for cell in report.cells)
    return [
        ("Run", f"{report.run}, {date(report.made)}"),
        ("Suspects", f"{len(report.plan.suspects):,}"),
        ("Audits", ", ".join(f"{states[s]:,} {told}" for s, told in STATES.items() if states[s])),
        ("False discoveries", f"at most {report.plan.false_discoveries:.0%} of what stands"),
    ]


def _view(report: FleetReport) -> list[Paragraph | GridTable]:
    if not report.families:
        return [Paragraph("No verdict of this fleet can be corrected for their number.")]
    rows = [
        (f.name, PROCEDURES[f.procedure], str(f.n), str(f.supported), str(f.standing))
        for f in report.families
    ]
    columns = ("verdicts on", "corrected by", "made", "found by their reports", "standing here")
    told: list[Paragraph | GridTable] = [
        Paragraph(VIEW),
        grid("What stands in the fleet", columns, rows, numeric=(2, 3, 4)),
    ]
    beyond = [f for f in report.families if f.out_of_reach]
    return [*told, *(Paragraph(_beyond(f), "notice") for f in beyond)]


def _beyond(family: FleetFamily) -> str:
    n, among = family.out_of_reach, f"among {family.n:,} of {family.name}"
    return (
        f"{n} that {'its' if n == 1 else 'their'} own report supports could not stand {among},"
        " however strong: the calibration knows too few unrelated models for a smaller p-value. A"
        " calibration on more of them, or a smaller fleet, could tell."
    )


def _failures(report: FleetReport) -> Bullets:
    """Who failed and why, each once, however many audits it is about."""
    audits: dict[tuple[str, int, str, str, str], list[str]] = {}
    for cell in (c for c in report.cells if c.state == "failed"):
        why = (cell.suspect, cell.exit_code, cell.code, cell.reason, cell.next_step or "")
        audits.setdefault(why, []).append(cell.audit)
    told = (_failure(*why, tuple(dict.fromkeys(names))) for why, names in audits.items())
    return Bullets(tuple(told), empty="Nothing failed.")


def _failure(
    suspect: str, exit_code: int, code: str, reason: str, step: str, audits: tuple[str, ...]
) -> Words:
    said = f" ({', '.join(audits)}): exit code {exit_code} ({code}), {reason}."
    return (name(suspect), f"{said} Next: {step}." if step else said)


def unfit(cell: FleetCell) -> str:
    """Why an audit doesn't fit, as a sentence."""
    told = UNFIT[cell.code]
    return f"{told} {cell.missing}." if cell.missing else told


def _changed(report: FleetReport) -> Bullets:
    told = [_change(change) for change in report.changes[:MOST_CHANGES]]
    more = len(report.changes) - len(told)
    items: list[Words] = [*told, *([f"{more:,} more are in fleet.json."] if more else [])]
    return Bullets(tuple(items), empty="Nothing differs from the run before.")


def _change(change: FleetChange) -> Words:
    whom, question = (name(change.suspect), f", {change.audit}"), change.question
    about = () if question is None else (f", {ASKED[question]}",)
    return (*whom, *about, ": ", *_CHANGED[change.kind](change))


def _state(change: FleetChange) -> tuple[str | Stretch, ...]:
    told = {str(state): words for state, words in STATES.items()}
    if change.before == change.after:
        return (f"{told[change.after]}, otherwise than before.",)
    return (f"was {told[change.before]}, is {told[change.after]}.",)


def _status(change: FleetChange) -> tuple[str | Stretch, ...]:
    told = {str(status): words for status, words in LABELS.items()}
    before, after = (told.get(s, "not told") for s in (change.before, change.after))
    return (f"was {before}, is {after}.",)


def _says(change: FleetChange) -> tuple[str | Stretch, ...]:
    return ("said before: ", name(change.before), " Now: ", name(change.after))


def _stands(change: FleetChange) -> tuple[str | Stretch, ...]:
    whom = name(change.title or change.candidate or "the claim")
    return (whom, " stands now." if change.after == "true" else " stands no more.")


_CHANGED: dict[ChangeKind, Callable[[FleetChange], tuple[str | Stretch, ...]]] = {
    "new": lambda change: ("is new.",),
    "gone": lambda change: ("is not in the plan any more.",),
    "state": _state,
    "status": _status,
    "says": _says,
    "stands": _stands,
}
