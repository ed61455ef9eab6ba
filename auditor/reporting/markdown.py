"""The report as Markdown for a ticket or a pull request: no image, no raw HTML, no link a stranger
could plant.

Strangers' text stands in code fences and code spans longer than any run of their own marks; every
other text has its marks escaped. The same report gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from auditor.evidence.records import Finding, Report, Verdict
from auditor.reporting import groups, labels, view, weights, wording
from auditor.reporting.html import plan_text
from auditor.reporting.text import (
    QUOTE_LIMIT,
    cell,
    date,
    interval,
    number,
    one_line,
    percent,
    probability,
    quote,
    signed,
    visible,
)
from detectors.measurement import Cell, Chart, Exhibit, Null, Table

MOST_ROWS = 60
MOST_EXHIBITS = 5
ESCAPED = str.maketrans(
    {**{c: "\\" + c for c in "\\`*_[]|~!$"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
LINKING = re.compile(r"\S*(?:@|://|www\.)\S*")


def render(report: Report) -> str:
    """The whole report as Markdown text."""
    parts = (
        _head,
        _answers,
        _error_rates,
        _sequential,
        _weights,
        _service,
        _glance,
        _alone,
        _candidates,
        _rest,
        _record,
    )
    return "\n".join(line for part in parts for line in part(report)).rstrip("\n") + "\n"


def inline(text: str) -> str:
    """A text within a line: hidden characters spelled out, marks escaped, anything that could
    become a link or a mention set as code."""
    words = one_line(text).split(" ")
    out = " ".join(code(w) if LINKING.fullmatch(w) else w.translate(ESCAPED) for w in words)
    return re.sub(r"^(\d*)([-+#=.)])", r"\1\\\2", out)


def code(text: str, limit: int = 160) -> str:
    """A stranger's words as a code span, on one line; its fence is longer than any run of
    backticks in it."""
    shown = one_line(text, limit) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}".replace("|", "\\|")


def fenced(text: str, limit: int = QUOTE_LIMIT) -> str:
    """A stranger's text as a code block whose fence is longer than any run of backticks in it."""
    shown = visible(text, limit)
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    return f"{ticks}text\n{shown}\n{ticks}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; short rows are filled up."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join([*row, *[""] * (len(columns) - len(row))]) + " |" for row in rows]
    return "\n".join(lines)


def _head(report: Report) -> Iterator[str]:
    yield f"# Provenance audit of {code(report.subject.identity.name)}\n"
    yield f"- Examined: {inline(date(report.created))}\n- Report: {code(report.id)}"
    yield f"- Subject: {code(report.subject.spec)}\n- Tool: {inline(report.tool)}\n"
    for warning in view.warnings(report):
        yield f"> **Note.** {inline(warning)}\n"


def _answers(report: Report) -> Iterator[str]:
    yield "## Answers\n"
    for card in view.cards(report):
        yield f"### {card.question.capitalize()}: {inline(card.answer.asks)}\n"
        yield (
            f"{inline(card.answer.answer)}\n\n**What this does not say.**"
            f" {inline(card.answer.does_not_say)}\n"
        )
        if card.verdicts:
            columns = ("Candidate", "Outcome", "log10 LR", "Cap", "p", "Controls")
            yield table(columns, (_verdict(v) for v in card.verdicts)) + "\n"
            yield from (f"{inline(reason)}\n" for reason in groups.reasons(card.verdicts))


def _error_rates(report: Report) -> Iterator[str]:
    section = report.calibration
    if section is None:
        return
    yield "## Error rates\n"
    yield f"{inline(weights.ABOUT)}\n"
    yield (
        table(weights.COLUMNS, (tuple(inline(c) for c in row) for row in weights.rates(section)))
        + "\n"
    )
    yield (
        f"Calibration {code(section.name)}, SHA-256 {code(section.sha256)}."
        f" {inline(section.about)}\n"
    )
    if section.distance:
        yield (
            "> **This case lies outside of what was calibrated on.**"
            f" {inline(' '.join(section.distance))}\n"
        )


def _sequential(report: Report) -> Iterator[str]:
    if (told := report.sections.get("sequential")) is not None:
        yield (f"## Asked until it was enough\n\n{inline(weights.sequential_told(told))}\n")
        rows = weights.sequential_rows(told)
        yield (
            table(
                weights.SEQUENTIAL_COLUMNS,
                ((code(row[0]), *(inline(c) for c in row[1:])) for row in rows),
            )
            + "\n"
        )


def _weights(report: Report) -> Iterator[str]:
    if "lineage" in report.sections:
        yield "## Weights and declarations\n"
        yield from _bullets(f"{inline(k)}: {inline(v)}" for k, v in view.lineage_rows(report))


def _service(report: Report) -> Iterator[str]:
    if "service" in report.sections:
        yield "## Service and claim\n"
        yield from _bullets(f"{k}: {inline(v)}" for k, v in view.service_rows(report))


def _verdict(v: Verdict) -> tuple[str, ...]:
    outcome = "; ".join(filter(None, (wording.OUTCOMES[v.outcome], v.words)))
    ratio = f"{signed(v.log10_lr)} {interval(v.interval, sign=True)}".strip()
    name = code(v.candidate or "the suspect alone")
    return (
        name,
        inline(outcome),
        ratio,
        signed(v.cap),
        probability(v.p_value),
        number(v.n_controls or None),
    )


def _glance(report: Report) -> Iterator[str]:
    yield "## At a glance\n"
    names = view.detectors(report)
    if not names:
        yield "No candidate was measured.\n"
        return
    rows = ((code(row.name), *(_glimpse(f) for f in row.findings)) for row in view.summary(report))
    yield table(("Candidate", *(inline(n.replace("_", " ")) for n in names)), rows) + "\n"


def _glimpse(finding: Finding | None) -> str:
    if finding is None:
        return "not measured"
    parts = [f"**{number(finding.value)}** {interval(finding.interval)}".strip()]
    if finding.rank:
        parts.append(f"rank {finding.rank.position} of {finding.rank.of}")
    if finding.null and finding.null.p is not None:
        parts.append(f"p = {number(finding.null.p)} ({finding.null.n} {_unit(finding.null)})")
    return ", ".join(parts)


def _candidates(report: Report) -> Iterator[str]:
    yield "## Candidates\n"
    for candidate in view.compared(report):
        yield f"### {code(candidate.name)}\n"
        if candidate.about is not None and candidate.about.same_weights:
            yield f"{inline(wording.SAME_WEIGHTS)}\n"
        if not candidate.findings:
            yield "No detector measured this candidate.\n"
        for finding in candidate.findings:
            yield from _finding(finding)


def _unit(null: Null) -> str:
    return "null models" if null.unit == "models" else inline(null.unit)


def _alone(report: Report) -> Iterator[str]:
    yield "## The suspect alone\n"
    found = view.alone(report)
    if not found:
        yield "No finding concerns the suspect by itself.\n"
    for finding in found:
        yield from _finding(finding)


def _finding(f: Finding) -> Iterator[str]:
    badge = " (uncalibrated)" if view.uncalibrated(f) else ""
    yield f"#### {inline(f.detector.replace('_', ' '))}{badge}\n"
    if f.summary:
        yield inline(f.summary) + "\n"
    bounds = f" {interval(f.interval)} at {percent(f.level)}" if f.interval else ""
    yield (
        f"- {inline(f.metric.replace('_', ' '))}: **{number(f.value)}**{bounds}; n = {number(f.n)}"
        f" {inline(f.n_unit)}"
    )
    yield f"- Direction: {inline(f.direction)}"
    if f.null:
        p = "" if f.null.p is None else f"; p = {number(f.null.p)}"
        yield from (
            f"- {inline(label)}: {inline(size)}, {f.null.at_least} at or above{p}"
            for label, size in view.null_rows(f)
        )
    if f.log10_lr is not None:
        yield f"- log10 LR: {signed(f.log10_lr)} (cap {signed(f.cap)}) {inline(f.words or '')}"
    if f.calibration is not None:
        yield f"- Calibration: {code(f.calibration)}"
    for note in f.notes:
        yield f"- {inline(note)}"
    yield ""
    for chart in f.charts:
        yield _chart(chart)
    for h in f.heat_maps:
        rows = (
            (inline(label), *("–" if v is None else f"{v:.2f}" for v in cells))
            for label, cells in h.rows
        )
        yield f"{inline(h.title)}\n\n{table((h.corner, *h.columns), rows)}\n\n{inline(h.caption)}\n"
    for t in f.tables:
        yield _table(t)
    for exhibit in f.exhibits[:MOST_EXHIBITS]:
        yield _exhibit(exhibit)
    if len(f.exhibits) > MOST_EXHIBITS:
        yield f"{len(f.exhibits) - MOST_EXHIBITS} more exhibits are in report.json.\n"


def _chart(made: Chart) -> str:
    chart = labels.chart(made)
    rows = (
        (
            f"{inline(b.group)}: {code(b.label)}" if b.group else code(b.label),
            f"**{number(b.value)}**" if b.strong else number(b.value),
            "" if b.low is None or b.high is None else interval((b.low, b.high)),
        )
        for b in chart.bars[:MOST_ROWS]
    )
    columns = ("Item", inline(chart.x_label) or "Value", "Interval")
    return f"**{inline(chart.title)}**\n\n{table(columns, rows)}\n"


def _table(made: Table) -> str:
    t = labels.table(made)
    digits = dict(enumerate(labels.decimals(t)))
    rows = ([_cell(v, digits.get(i)) for i, v in enumerate(row)] for row in t.rows[:MOST_ROWS])
    more = (
        f"\n{len(t.rows) - MOST_ROWS} more rows are in report.json.\n"
        if len(t.rows) > MOST_ROWS
        else ""
    )
    caption = f"\n{inline(t.caption)}\n" if t.caption else ""
    return (
        f"**{inline(t.title)}**\n\n{table([inline(c) for c in t.columns], rows)}\n{more}{caption}"
    )


def _cell(value: Cell, decimals: int | None) -> str:
    return (
        code(value)
        if isinstance(value, str) and not isinstance(value, labels.Shown)
        else cell(value, decimals)
    )


def _exhibit(e: Exhibit) -> str:
    marked = quote(e.answer, e.spans).marks
    why = "".join(f"\n- marked: {code(p.text)} {inline(p.why)}".rstrip() for p in marked) + (
        "\n" if marked else ""
    )
    why += f"\n{inline(e.why)}\n" if e.why and e.why not in {p.why for p in marked} else ""
    head = f"{code(e.source)}, probe {code(e.probe_id)}, {inline(labels.arm(e.arm.value))}"
    return f"{head}\n\nAsked:\n\n{fenced(e.prompt)}\n\nAnswered:\n\n{fenced(e.answer)}\n{why}"


def _rest(report: Report) -> Iterator[str]:
    yield "## Not measured\n"
    yield from _bullets(
        f"{s.question}, {inline(s.detector.replace('_', ' '))}"
        f"{', ' + code(s.candidate) if s.candidate else ''}: {inline(s.reason)}"
        for s in report.skipped
    )
    yield "## Alternative explanations\n"
    yield from _bullets((inline(a) for a in report.alternatives), wording.NO_ALTERNATIVES)
    yield "## Limits\n"
    yield from _bullets((inline(line) for line in report.limits), wording.NO_LIMITS)


def _record(report: Report) -> Iterator[str]:
    yield "## Data quality\n"
    if report.transcript is None:
        yield f"{wording.NOBODY_ASKED}\n"
    else:
        counts = sorted(report.transcript.counts.items())
        yield (
            table(
                ("Status", "Answers"), ((inline(k.replace("_", " ")), number(v)) for k, v in counts)
            )
            + "\n"
        )
        yield from _bullets(
            (inline(e) for e in report.transcript.events), "No event was recorded during the run."
        )
    yield "## Items and digests\n"
    yield from _bullets(
        f"{k}: {code(v)}"
        for k, v in (*view.identity(report.subject.identity), *view.transcript_rows(report))
    )
    if report.base is not None:
        yield "### Base of the suspect\n"
        yield from _bullets(f"{k}: {code(v)}" for k, v in view.base_rows(report))
    if report.scores is not None:
        yield "### Who found texts likely\n"
        yield from _bullets(f"{code(k)}: {code(v)}" for k, v in view.score_rows(report))
    yield f"## Plan\n\n{fenced(plan_text(report).rstrip(), 20_000)}\n"
    yield "## Reproduction\n"
    yield (
        fenced("\n".join(report.reproduce), 20_000) + "\n"
        if report.reproduce
        else "No command was recorded.\n"
    )
    yield "## Environment\n"
    yield from _bullets(f"{inline(k)}: {code(v)}" for k, v in sorted(report.environment.items()))
    yield "## Glossary\n"
    yield from _bullets(
        f"**{inline(term)}.** {inline(meaning)}" for term, meaning in wording.GLOSSARY
    )


def _bullets(lines: Iterable[str], empty: str = "None.") -> Iterator[str]:
    yield "\n".join(f"- {line}" for line in lines) or empty
    yield ""
