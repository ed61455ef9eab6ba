"""The pages of a gallery: the list, two reports side by side, a report, its exhibits.

Each is made from records by the templates of every report: a stranger's text is escaped, nothing is
loaded from anywhere, and no page has a script. Knows no server.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.audits.report.document import report_document
from auditor.audits.report.findings import sentence
from auditor.audits.report.glance import ASKED, badge, block, glance
from auditor.audits.report.lines import LABELS
from auditor.audits.report.outcomes import LOG10_LR, MOST_SHOWN, verdict_table
from auditor.audits.report.places import portable
from auditor.evidence.questions import QUESTIONS
from auditor.evidence.records import Finding, Report
from auditor.gallery.choice import ListOrder
from auditor.gallery.found import ReportEntry, left_out
from auditor.reporting import html
from auditor.reporting.document import Block, Document, Paragraph, Section, Stretch, name, strong
from auditor.reporting.text import date
from detectors.measurement import Exhibit

PER_PAGE = 10
WHOLE = 50_000
"""Characters of one exhibit's text, where it is looked at alone."""
HOME = ("/", "All reports")


def listing(entries: Sequence[ReportEntry], shown: ListOrder) -> str:
    """The list of reports with its filter."""
    chosen = shown.of_all(entries)
    return (
        html.environment()
        .get_template("gallery.html")
        .render(
            **html.styled(),
            title="Reports",
            entries=chosen,
            of=sum(not e.problem for e in entries),
            left_out=left_out(entries),
            problems=[e for e in entries if e.problem],
            shown=shown,
            questions=[(q, ASKED[q]) for q in QUESTIONS],
            labels=LABELS,
            badge=badge,
            date=date,
        )
    )


def side_by_side(reports: Sequence[tuple[str, Report]]) -> str:
    """Two reports in two columns, the same things beside each other; ``reports`` with their
    keys."""
    columns = [_column(key, portable(report)) for key, report in reports]
    template = html.environment().get_template("side_by_side.html")
    return template.render(**html.styled(), title="Side by side", columns=columns, trail=(HOME,))


@dataclass(frozen=True)
class Column:
    """One of two reports: its key, whose it is, when it was made, and what it says."""

    key: str
    subject: str
    made: str
    blocks: tuple[Block, ...]


def _column(key: str, report: Report) -> Column:
    """The first screen, the answers, and the heaviest verdicts of one report."""
    blocks: list[Block] = [block(glance(report))]
    for answer in report.answers:
        words = (Stretch(answer.question, "kicker"), answer.answer)
        silent = (strong("What this does not say."), f" {answer.does_not_say}")
        blocks += [Paragraph(words), Paragraph(silent, "says-not")]
    weighed = sorted(report.verdicts, key=lambda v: -(v.strength or 0.0))
    if weighed:
        blocks.append(verdict_table(weighed[:MOST_SHOWN]))
        if any(v.log10_lr is not None for v in weighed):
            blocks.append(Paragraph(LOG10_LR, "caption"))
    made = date(report.created)
    return Column(key, report.subject.identity.name, made, tuple(blocks))


def whole(key: str, report: Report) -> str:
    """A report's own page, made anew from its record."""
    return html.render(report_document(report), (HOME, (f"/report/{key}/exhibits", "Exhibits")))


def exhibits_of(report: Report) -> tuple[tuple[Finding, Exhibit], ...]:
    """Every exhibit with its finding, in the report's order; an exhibit's number is its place."""
    return tuple((f, e) for f in report.findings for e in f.exhibits)


def exhibits(key: str, report: Report, page: int) -> str:
    """Ten exhibits of a report, and the way to the others."""
    found = exhibits_of(report)
    begin = page * PER_PAGE
    shown = list(enumerate(found[begin : begin + PER_PAGE], begin))
    return html.render(
        _document(report, "Exhibits", tuple(_sections(shown))),
        (HOME, (f"/report/{key}", "Report"), *_turns(key, page, len(found))),
        {f"exhibit{i}": f"/report/{key}/exhibit/{i}" for i, _ in shown},
    )


def exhibit(key: str, report: Report, number: int) -> str:
    """One exhibit alone, its words in full."""
    found = [(number, exhibits_of(report)[number])]
    trail = (HOME, (f"/report/{key}", "Report"), (f"/report/{key}/exhibits", "Exhibits"))
    document = _document(report, f"Exhibit {number + 1}", tuple(_sections(found)))
    return html.render(document, trail, limit=WHOLE)


def notice(told: str) -> str:
    """A page of one sentence."""
    section = Section("notice", told, ())
    return html.render(Document("Reports", told, told, (), (section,), dict), (HOME,))


def _sections(shown: Sequence[tuple[int, tuple[Finding, Exhibit]]]) -> Iterator[Section]:
    for i, (f, e) in shown:
        whom = () if f.candidate is None else (" about ", name(f.candidate))
        about = Paragraph((f"{sentence(f.detector)} ({f.question})", *whom), "lead")
        yield Section(f"exhibit{i}", f"Exhibit {i + 1}", (about, e))
    if not shown:
        yield Section("none", "Exhibits", (Paragraph("The report quotes no answer here."),))


def _turns(key: str, page: int, n: int) -> Iterator[tuple[str, str]]:
    if page > 0:
        yield f"/report/{key}/exhibits?page={page - 1}", "Earlier ones"
    if (page + 1) * PER_PAGE < n:
        yield f"/report/{key}/exhibits?page={page + 1}", "Further ones"


def _document(report: Report, what: str, sections: tuple[Section, ...]) -> Document:
    subject = name(report.subject.identity.name)
    return Document(what, (f"{what}: ", subject), subject, (), sections, dict)
