"""The report for a terminal of any width from 20 columns: answers first, then a table per question,
then what to do next.

Every text passes through `printable`, and none is read as markup: a stranger's words can't colour,
move or rename anything.
"""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from auditor.evidence.records import Finding, Report, Verdict
from auditor.reporting import groups, view, weights, wording
from auditor.reporting.groups import FindingGroup
from auditor.reporting.rows import captured, coloured, item, print_rows, safe, section
from auditor.reporting.text import date, interval, number, one_line, percent, probability, signed
from auditor.reporting.view import QuestionCard

MOST_FINDINGS = 8
OUTCOME_STYLE = {
    "supported": "bold green",
    "inconclusive": "bold yellow",
    "not_supported": "bold",
    "not_assessable": "bold",
}


def render(
    report: Report, width: int | None = None, colour: bool = False, encoding: str = "utf-8"
) -> str:
    """The report as text, at the terminal's width where none is given (20 to 200 columns).

    ``colour`` adds ANSI styles of our own. Characters that ``encoding`` lacks are spelled out.
    """
    return captured(lambda console, plain: _tell(report, console, plain), width, colour, encoding)


def write(report: Report, out: TextIO) -> None:
    """Writes the report to a stream: in colour where the stream is a terminal and NO_COLOR is
    not set."""
    out.write(render(report, colour=coloured(out), encoding=out.encoding or "utf-8"))


def _tell(report: Report, console: Console, plain: bool) -> None:
    _head(report, console)
    for card in view.cards(report):
        _answer(card, console)
    for card in view.cards(report):
        _figures(report, card, console, plain)
    _error_rates(report, console, plain)
    _sequential(report, console, plain)
    _weights(report, console, plain)
    _service(report, console, plain)
    section(console, "Limits", plain)
    for line in report.limits or (wording.NO_LIMITS,):
        console.print(item(line))
    section(console, "Next", plain)
    for line in next_steps(report):
        console.print(item(line))


def _head(report: Report, console: Console) -> None:
    console.print(safe(f"Provenance audit of {report.subject.identity.name}", "bold"))
    console.print(safe(report.subject.spec, "dim"))
    console.print(safe(f"{date(report.created)}, report {report.id}", "dim"))
    if report.base is not None:
        known = wording.BASE_ORIGINS[report.base.origin]
        console.print(safe(f"Base: {report.base.name} ({known})", "dim"))
    for warning in view.warnings(report):
        console.print()
        console.print(safe(f"Note: {warning}", "yellow"))


def _answer(card: QuestionCard, console: Console) -> None:
    console.print()
    console.print(
        Text.assemble(
            (f"{card.question.upper()}  ", "bold cyan"), (one_line(card.answer.asks), "bold")
        )
    )
    console.print(Padding(safe(card.answer.answer), (0, 0, 0, 2)))
    console.print(Padding(safe(f"Does not say: {card.answer.does_not_say}", "dim"), (0, 0, 0, 2)))


def _figures(report: Report, card: QuestionCard, console: Console, plain: bool) -> None:
    found = [f for f in report.findings if f.question == card.question]
    if not (found or card.verdicts or card.skipped):
        return
    section(console, card.question.capitalize(), plain)
    if card.verdicts:
        _verdicts(card.verdicts, console, plain)
    for group in groups.by_detector(found):
        console.print()
        _group(group, console, plain, view.calibrated(report))
    if card.skipped:
        console.print()
    for skipped in card.skipped:
        whom = f" for {skipped.who}" if skipped.who else ""
        console.print(
            safe(
                f"Not measured: {skipped.detector.replace('_', ' ')}{whom}: {skipped.reason}", "dim"
            )
        )


def _error_rates(report: Report, console: Console, plain: bool) -> None:
    found = report.calibration
    if found is None:
        return
    section(console, "Error rates", plain)
    console.print(safe(f"Calibration {found.name}. {weights.ABOUT}", "dim"))
    print_rows(
        console,
        plain,
        weights.COLUMNS,
        [tuple(safe(c) for c in row) for row in weights.rates(found)],
    )
    for line in found.distance:
        console.print(safe(f"Outside of what was calibrated on: {line}", "yellow"))


def _sequential(report: Report, console: Console, plain: bool) -> None:
    if (told := report.sections.get("sequential")) is not None:
        section(console, "Asked until it was enough", plain)
        console.print(safe(weights.sequential_told(told), "dim"))
        rows = [tuple(safe(c) for c in row) for row in weights.sequential_rows(told)]
        print_rows(console, plain, weights.SEQUENTIAL_COLUMNS, rows)


def _weights(report: Report, console: Console, plain: bool) -> None:
    if "lineage" in report.sections:
        section(console, "Weights and declarations", plain)
        for label, value in view.lineage_rows(report):
            console.print(safe(f"{label}: {value}"))


def _service(report: Report, console: Console, plain: bool) -> None:
    if "service" in report.sections:
        section(console, "Service and claim", plain)
        for label, value in view.service_rows(report):
            console.print(safe(f"{label}: {value}"))
        section(console, "Alternative explanations", plain)
        for line in report.alternatives:
            console.print(item(line))


def _verdicts(verdicts: tuple[Verdict, ...], console: Console, plain: bool) -> None:
    """A table of verdicts; one line and the reasons where all of them say the same and weigh
    nothing."""
    outcome = groups.unanimous(verdicts)
    if outcome is None:
        rows = [_verdict_row(v) for v in verdicts]
        print_rows(
            console, plain, ("candidate", "outcome", "log10 LR", "cap", "p", "controls"), rows
        )
    told = groups.reasons(verdicts, brief=True)
    if outcome is not None:
        who = (
            f"all {len(verdicts)} candidates"
            if len(verdicts) > 1
            else verdicts[0].candidate or groups.ALONE
        )
        line = f"{wording.OUTCOMES[outcome].capitalize()} for {who}."
        told = (f"{line} {told[0]}", *told[1:]) if len(told) == 1 else (line, *told)
    for reason in told:
        console.print(safe(reason, "dim"))


def _group(group: FindingGroup, console: Console, plain: bool, some_calibrated: bool) -> None:
    """The findings of one detector under its name: the first eight by rank, and how many more
    there are."""
    sizes, units = {f.n for f in group.findings}, {f.n_unit for f in group.findings}
    unit = group.findings[0].n_unit if len(units) == 1 else ""
    same_n = bool(unit) and len(sizes) == 1
    size = (
        f", n = {number(group.findings[0].n)} {unit}"
        if same_n
        else f", n in {unit}"
        if unit
        else ""
    )
    about = f", {groups.ALONE}" if group.alone else ""
    detector = one_line(group.detector.replace("_", " ")).capitalize()
    heading = one_line(f"{about}: {group.metric.replace('_', ' ')}{size}")
    console.print(Text.assemble((detector, "bold"), heading, overflow="fold"))
    columns = ("candidate", "value", "n", "rank", "p (null)", "weight")
    rows = [_row(f, some_calibrated, unit, same_n) for f in group.findings[:MOST_FINDINGS]]
    if group.alone:
        _alone(group, console, columns, rows)
    else:
        print_rows(console, plain, columns, rows)
    if len(group.findings) > MOST_FINDINGS:
        more = (
            f"{'...' if plain else '…'} and {len(group.findings) - MOST_FINDINGS} more in"
            " report.html"
        )
        console.print(safe(more, "dim"))


def _alone(
    group: FindingGroup, console: Console, columns: tuple[str, ...], rows: list[tuple[Text, ...]]
) -> None:
    """What is said about the suspect by itself: the sentence that names whom it names, then its
    figures on one line."""
    for finding, row in zip(group.findings, rows, strict=False):
        if finding.summary:
            console.print(Padding(safe(finding.summary), (0, 0, 0, 2)))
        told = [
            f"{label} {text.plain}"
            for label, text in zip(columns[1:], row[1:], strict=True)
            if text.plain != "–"
        ]
        console.print(Padding(safe("; ".join(told), "dim"), (0, 0, 0, 2)))


def _verdict_row(v: Verdict) -> tuple[Text, ...]:
    bounds = f" {interval(v.interval, sign=True)}" if v.interval else ""
    outcome = Text(wording.OUTCOMES[v.outcome], style=OUTCOME_STYLE[v.outcome])
    outcome.append(f" ({one_line(v.words)})" if v.words else "", style="not bold default")
    texts = (
        signed(v.log10_lr) + bounds,
        signed(v.cap),
        probability(v.p_value),
        number(v.n_controls or None),
    )
    return (safe(v.candidate or "suspect alone", "bold"), outcome, *(safe(t) for t in texts))


def _row(f: Finding, some_calibrated: bool, unit: str, same_n: bool) -> tuple[Text, ...]:
    bounds = f" {interval(f.interval)}" if f.interval else ""
    p = "–" if f.null is None else f"{number(f.null.p)} ({f.null.n})"
    lr = (
        "uncalibrated"
        if f.log10_lr is None
        else ", ".join(filter(None, (f"log10 LR {signed(f.log10_lr)}", f.words)))
    )
    rank = f"{f.rank.position} of {f.rank.of}" if f.rank else "–"
    n = "–" if same_n else number(f.n) if unit else f"{number(f.n)} {f.n_unit}"
    texts = (number(f.value) + bounds, n, rank, p, lr if some_calibrated else "–")
    return (safe(f.candidate or "suspect alone", "bold"), *(safe(t) for t in texts))


def next_steps(report: Report) -> tuple[str, ...]:
    """What a reader can do now, the most pressing first."""
    steps = [
        "Open report.html for the figures, the quoted answers and the alternative explanations."
    ]
    if report.transcript is not None and not report.transcript.complete:
        steps.insert(
            0, "Run the same command again: it resumes, and asks only what was not answered."
        )
    if any(map(view.uncalibrated, report.findings)) and not view.calibrated(report):
        steps.append(
            "A conclusion needs a calibration on control models of known history; this report has"
            " none."
        )
    levels = sorted({f.level for f in report.findings if f.interval})
    if levels:
        steps.append(
            f"Read intervals at {', '.join(percent(level) for level in levels)}; some model is"
            " always first in rank."
        )
    return (*steps, *(f"Reproduce: {command}" for command in report.reproduce))
