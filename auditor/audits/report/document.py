"""The report arranged as a document: by question, by candidate, by detector.

Knows what every report has; what a kind of audit adds, its own module arranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from auditor.audits.report import view, wording
from auditor.audits.report.compared import at_a_glance, candidates
from auditor.audits.report.cover import cover, origin
from auditor.audits.report.custody import custody_section
from auditor.audits.report.error_rates import error_rates
from auditor.audits.report.findings import brief_group, finding
from auditor.audits.report.glance import badge, glance
from auditor.audits.report.lines import Status
from auditor.audits.report.outcomes import (
    LOG10_E,
    LOG10_LR,
    MOST_SHORT,
    brief_verdicts,
    exact_chart,
    ladder,
    short_table,
    verdicts,
)
from auditor.audits.report.places import portable
from auditor.audits.report.sensitivity import hanging, sensitivity_section
from auditor.audits.report.view import QuestionCard
from auditor.evidence.codes import NO_CALIBRATION
from auditor.evidence.error_rates import CalibrationSection
from auditor.evidence.kinds import arrangements
from auditor.evidence.records import Report
from auditor.reporting import labels
from auditor.reporting.document import (
    DASH,
    Block,
    Bullets,
    Definitions,
    Document,
    GridTable,
    Group,
    Paragraph,
    Reading,
    Section,
    Stretch,
    Verbatim,
    aside,
    code,
    full,
    name,
    pairs,
    strong,
)
from auditor.reporting.text import date, number, percent

ONLY: Reading = "full"
MOST_NOTICES, DIGEST = 2, 16
REST = "Open report.html for answers, charts and limits; --full tells all of it here."


def report_document(report: Report) -> Document:
    """The whole report, without a folder of the machine that it was made on; the same one gives
    the same document."""
    report = portable(report)
    spec, when = report.subject.spec, date(report.created)
    return Document(
        kicker="Model provenance audit",
        title=("Provenance audit of ", name(report.subject.identity.name)),
        subject=name(report.subject.identity.name),
        meta=(
            ("Examined", when),
            ("Report", code(report.id)),
            ("Subject", code(spec)),
            ("Tool", report.tool),
        ),
        about=tuple(cover(report)),
        preface=(
            *origin(report, when),
            *(Paragraph(w, "notice") for w in view.warnings(report)),
        ),
        short=tuple(_short(report)),
        sections=tuple(_sections(report)),
        record=lambda: report.model_dump(mode="json", by_alias=True),
        note=(
            "report.json is the record; this page is a view of it. Report ",
            code(report.id),
            ", schema ",
            code(report.schema_),
            ".",
        ),
    )


def _short(report: Report) -> Iterator[Block]:
    """What a terminal tells below the first screen: when it was made, what must be known, the
    weighed candidates, and where the rest is."""
    yield Paragraph(f"{date(report.created)}, report {report.id}", "caption")
    notices = view.warnings(report)
    yield from (Paragraph(w, "notice") for w in notices[:MOST_NOTICES])
    weighed = [v for v in report.verdicts if v.assessed]
    if weighed:
        yield Group((short_table(weighed),))
        left = len(weighed) - MOST_SHORT
        more = f"{left} more candidate was" if left == 1 else f"{left} more candidates were"
        rest = f" {more} weighed." if left > 0 else ""
        told = LOG10_LR if weighed[0].exact is None else LOG10_E
        yield Paragraph(f"{told}{rest}", "caption")
    yield from (Paragraph(sentence, "caption") for sentence in hanging(report))
    steps = _more_to_record(report)
    yield from (Paragraph(step) for step in steps)
    yield Paragraph(REST)


def _sections(report: Report) -> Iterator[Section]:
    cards = view.cards(report)
    lead = "Three different questions, answered apart and never mixed into one figure."
    told = (
        _card(card, line.status, report.calibration)
        for card, line in zip(cards, glance(report).lines, strict=True)
    )
    yield Section("answers", "Answers", (full(Paragraph(lead, "lead")), *told))
    for card in cards:
        yield from _question(report, card)
    for arrange in arrangements(report.sections):
        yield from arrange(report)
    if report.calibration is not None:
        yield error_rates(report.calibration)
    yield from sensitivity_section(report)
    about = "Other histories that would leave some of the same traces. They remain open unless a"
    about += " finding says otherwise."
    others = Bullets(report.alternatives, True, wording.NO_ALTERNATIVES)
    blocks = (Paragraph(about, "lead"), others)
    yield Section("alternatives", "Alternative explanations", blocks, ONLY)
    yield Section("limits", "Limits", (Bullets(report.limits, True, wording.NO_LIMITS),))
    yield from _looked_up(report)
    yield Section("next", "Next", (Bullets(next_steps(report)),), "brief")
    yield from _record(report)


def _looked_up(report: Report) -> Iterator[Section]:
    """Every figure of every model: to be looked up, not to be read through."""
    figures = tuple(at_a_glance(report))
    yield Section("glance", "Every model by every detector", figures, ONLY, appendix=True)
    alone = tuple(finding(f, 3) for f in report.findings if f.candidate is None)
    nothing = (Paragraph("No finding concerns the suspect by itself."),)
    yield Section("alone", "The suspect alone", alone or nothing, ONLY, appendix=True)
    yield candidates(report)
    yield Section("skipped", "Not measured", (_skipped(report),), ONLY, appendix=True)


def _card(card: QuestionCard, status: Status, calibration: CalibrationSection | None) -> Group:
    inheriting = card.verdicts if card.question == "inheritance" else ()
    known = None if calibration is None else calibration.held_out
    charts = (ladder(inheriting, known), exact_chart(inheriting))
    drawn: tuple[Block, ...] = tuple(chart for chart in charts if chart is not None)
    says_not = (strong("What this does not say."), f" {card.answer.does_not_say}")
    return Group(
        (
            Paragraph(card.answer.answer, "answer"),
            Paragraph(says_not, "says-not"),
            full(*drawn, *verdicts(card.verdicts)),
        ),
        (Stretch(card.question, "kicker"), card.answer.asks, " ", badge(status)),
        "card",
    )


def _question(report: Report, card: QuestionCard) -> Iterator[Section]:
    """The figures of a question, for a brief reading."""
    found = [f for f in report.findings if f.question == card.question]
    if not (found or card.verdicts or card.skipped):
        return
    blocks = list(brief_verdicts(card.verdicts))
    makers = {c.name: c.vendor for c in report.candidates}
    silent = [v for v in card.verdicts if not v.assessed]
    unweighed = frozenset(
        n for v in silent for n in (v.candidate or "", *(m.name for m in v.members))
    )
    some = view.calibrated(report)
    blocks += [brief_group(g, some, makers, unweighed) for g in view.by_detector(found)]
    missed = []
    for s in card.skipped:
        whom = f" for {s.who}" if s.who else ""
        told = f"Not measured: {s.detector.replace('_', ' ')}{whom}: {s.reason}"
        missed.append(Paragraph(told, "caption"))
    blocks += [Group(tuple(missed), look="topic")] if missed else []
    yield Section(card.question, card.question.capitalize(), tuple(blocks), "brief")


def _skipped(report: Report) -> Block:
    if not report.skipped:
        return Paragraph("No detector was skipped.")
    rows = tuple(
        (s.question, s.detector.replace("_", " "), name(s.who or "–"), s.reason)
        for s in view.unmeasured(report.skipped)
    )
    columns = ("Question", "Detector", "For", "Reason")
    return GridTable("Not measured", columns, rows, headed=False, look="quiet")


def _record(report: Report) -> Iterator[Section]:
    yield Section("quality", "Data quality", tuple(_quality(report)), ONLY, appendix=True)
    yield Section("items", "Items and digests", tuple(_items(report)), ONLY, appendix=True)
    heading = ("The plan as it was run ", aside("(plan.yaml)"))
    plan = Group((Verbatim(plan_text(report)),), heading, folded=True)
    yield Section("plan", "Plan", (plan,), ONLY, appendix=True)
    told: tuple[Block, ...] = (Paragraph("No command was recorded."),)
    if report.reproduce:
        lead = "Run again, or judge the recorded answers again without the model:"
        told = (Paragraph(lead, "lead"), Verbatim("\n".join(report.reproduce)))
    yield Section("reproduce", "Reproduction", told, ONLY, appendix=True)
    yield custody_section(report)
    environment = sorted(report.environment.items())
    yield Section("environment", "Environment", (pairs(environment),), ONLY, appendix=True)
    yield Section(
        "glossary", "Glossary", (Definitions(wording.GLOSSARY, "glossary"),), ONLY, appendix=True
    )


def plan_text(report: Report) -> str:
    """The plan as YAML, keys sorted as in report.json, so that a report read back gives the same
    page."""
    plan: dict[str, Any] = report.model_dump(mode="json")["plan"]
    if not plan:
        return "(empty)\n"
    return yaml.safe_dump(plan, sort_keys=True, allow_unicode=True, width=100)


def _quality(report: Report) -> Iterator[Block]:
    t = report.transcript
    if t is None:
        yield Paragraph(wording.NOBODY_ASKED)
        return
    counts = [*sorted(t.counts.items()), ("all", sum(t.counts.values()))]
    rows = tuple((k.replace("_", " "), number(v)) for k, v in counts)
    title = "Answers by status; every attempt is counted once"
    yield GridTable(title, ("Status", "Answers"), rows, frozenset({1}))
    if t.probe_sets:
        sets = tuple((p.name, p.version, number(p.n), code(p.sha256)) for p in t.probe_sets)
        columns = ("Probe set", "Version", "Probes", "sha256")
        yield GridTable("What was asked", columns, sets, frozenset({2}))
    yield pairs(view.transcript_rows(report))
    if t.events:
        yield Group((Bullets(t.events),), "Events")
    else:
        yield Paragraph("No event was recorded during the run.", "caption")


def _items(report: Report) -> Iterator[Block]:
    yield _titled("Suspect", labels.identity(report.subject.identity))
    if report.base is not None:
        yield _titled("Base of the suspect", view.base_rows(report))
    if report.scores is not None:
        yield _titled("Who found texts likely", view.score_rows(report))
    if report.store:
        s = report.store
        rows = (("name", s.name), ("models", number(s.n_models)))
        rest = (("embedder", s.embedder or "none"), ("sha256", s.sha256))
        yield _titled("Store", (*rows, *rest))
    if report.candidates:
        heading = ("Candidates ", aside(f"({len(report.candidates)})"))
        yield Group((_digests(report),), heading, folded=True)


def _digests(report: Report) -> GridTable:
    """What is known of every candidate's records, a row each; digests by their beginnings."""
    rows = tuple(
        (
            name(c.name),
            c.identity.kind,
            *map(number, (c.n_answers, c.n_shared, c.n_identical)),
            code(c.answers_sha256[:DIGEST]),
            code((c.identity.weights_sha256 or DASH)[:DIGEST]),
        )
        for c in report.candidates
    )
    heads = ("Model", "Kind", "Answers", "Shared prompts", "Same words", "Answers", "Weights")
    caption = "The last two are SHA-256 digests, of which report.json holds all figures and more."
    return GridTable("Candidates", heads, rows, frozenset({2, 3, 4}), caption=caption, look="quiet")


def _titled(title: str, rows: tuple[tuple[str, str], ...]) -> Group:
    return Group((pairs(rows),), title)


def _more_to_record(report: Report) -> tuple[str, ...]:
    """What would have to be recorded for an answer, where prompts are missing."""
    codes = {v.reason_code for v in report.verdicts if not v.assessed}
    return tuple(step for code, step in wording.MORE_ANSWERS.items() if code in codes)


def next_steps(report: Report) -> tuple[str, ...]:
    """What a reader can do now, the most pressing first."""
    steps = []
    if report.transcript is not None and not report.transcript.complete:
        steps.append("Run the same command again: it resumes, and asks only what was not answered.")
    steps.append(
        "Open report.html for the figures, the quoted answers and the alternative explanations."
    )
    told = [v for v in report.verdicts if v.question == "inheritance"]
    codes = {v.reason_code for v in told if not v.assessed}
    steps += [step for code, step in wording.MORE_ANSWERS.items() if code in codes]
    lacking = not codes or bool(codes & {None, *NO_CALIBRATION})
    if lacking and any(map(view.uncalibrated, report.findings)) and not view.calibrated(report):
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
