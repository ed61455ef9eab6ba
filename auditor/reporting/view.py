"""What of a report belongs together, by question, by candidate and by detector, and its records as
labels and values.

Knows the order of things; knows no document.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.evidence.questions import QUESTIONS, unexamined
from auditor.evidence.records import Answer, Candidate, Finding, Report, Verdict
from auditor.reporting import groups, wording
from auditor.reporting.groups import Unmeasured, precedence, unmeasured
from auditor.reporting.text import one_line
from detectors.measurement import Question
from fingerprints.records import Identity

OPEN_CANDIDATES = 10


@dataclass(frozen=True)
class QuestionCard:
    """One of the three questions with its answer, its verdicts, and what was not measured for
    it."""

    question: Question
    answer: Answer
    verdicts: tuple[Verdict, ...]
    skipped: tuple[Unmeasured, ...]


@dataclass(frozen=True)
class ComparedWith:
    """A candidate with what was found about it. ``about`` is None where the report describes it
    no further."""

    name: str
    about: Candidate | None
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    opened: bool


@dataclass(frozen=True)
class FindingRow:
    """One candidate in the summary: its finding by each detector, None where there is none."""

    name: str
    findings: tuple[Finding | None, ...]
    same_weights: bool


def cards(report: Report) -> tuple[QuestionCard, ...]:
    """The three questions in their fixed order; a question without an answer says so."""
    answers = {a.question: a for a in report.answers}
    place = {c.name: i for i, c in enumerate(compared(report))}
    verdicts = sorted(report.verdicts, key=lambda v: groups.weightiest(v, place))
    return tuple(
        QuestionCard(
            question,
            answers.get(question) or unexamined(question)[0],
            tuple(v for v in verdicts if v.question == question),
            unmeasured(s for s in report.skipped if s.question == question),
        )
        for question in QUESTIONS
    )


def detectors(report: Report) -> tuple[str, ...]:
    """Names of the detectors with a finding about a candidate, in order of appearance."""
    return tuple(dict.fromkeys(f.detector for f in report.findings if f.candidate is not None))


def summary(report: Report) -> tuple[FindingRow, ...]:
    """Candidate × detector, the candidates in the order of `compared`."""
    names = detectors(report)
    return tuple(
        FindingRow(
            c.name,
            tuple(next((f for f in c.findings if f.detector == d), None) for d in names),
            c.about is not None and c.about.same_weights,
        )
        for c in compared(report)
    )


def compared(report: Report) -> tuple[ComparedWith, ...]:
    """Every candidate that was stored or found: same weights first, then by best rank, then in the
    report's order.

    The first ten are shown unfolded.
    """
    known = {c.name: c for c in report.candidates}
    told = [v.candidate for v in report.verdicts if not groups.is_vendor(v)]
    found = [*(f.candidate for f in report.findings), *told]
    names = dict.fromkeys([*known, *(name for name in found if name is not None)])
    about = {name: tuple(f for f in report.findings if f.candidate == name) for name in names}
    ordered = sorted(names, key=lambda name: precedence(known.get(name), about[name]))
    return tuple(
        ComparedWith(
            name,
            known.get(name),
            about[name],
            tuple(v for v in report.verdicts if v.candidate == name),
            i < OPEN_CANDIDATES,
        )
        for i, name in enumerate(ordered)
    )


def alone(report: Report) -> tuple[Finding, ...]:
    """The findings about the suspect by itself."""
    return tuple(f for f in report.findings if f.candidate is None)


def calibrated(report: Report) -> bool:
    """Whether any finding carries a calibration."""
    return any(f.calibration is not None for f in report.findings)


def warnings(report: Report) -> tuple[str, ...]:
    """What a reader must know before the first figure."""
    twins = [c.name for c in report.candidates if c.same_weights]
    out = [f"{name}: {wording.SAME_WEIGHTS}" for name in twins]
    if report.transcript is not None and not report.transcript.complete:
        out.append(wording.INCOMPLETE)
    if any(map(uncalibrated, report.findings)) and not calibrated(report):
        out.append(wording.UNCALIBRATED)
    return tuple(out)


def uncalibrated(finding: Finding) -> bool:
    """Whether a finding needs a calibration and has none; tests of weights and services carry
    p-values of their own."""
    return finding.calibration is None and finding.question == "inheritance"


def identity(who: Identity) -> tuple[tuple[str, str], ...]:
    """What was loaded, as label and value; what is not known is left out."""
    rows: list[tuple[str, object]] = [
        ("kind", who.kind),
        ("name", who.name),
        ("architecture", who.architecture),
        ("parameters", None if who.parameters is None else f"{who.parameters:,}"),
        ("backend", who.backend),
        ("dtype", who.dtype),
        ("quantisation", who.quantisation),
        ("device", who.device),
        ("revision", who.revision),
        ("base URL", who.base_url),
        ("chat template", who.template),
        ("weights sha256", who.weights_sha256),
        ("adapter sha256", who.adapter_sha256),
        ("config sha256", who.config_sha256),
        ("tokenizer sha256", who.tokenizer_sha256),
        ("template sha256", who.template_sha256),
        ("recording sha256", who.recording_sha256),
    ]
    return (*((k, str(v)) for k, v in rows if v), *(("note", n) for n in who.notes))


def base_rows(report: Report) -> tuple[tuple[str, str], ...]:
    """The suspect's base as label and value, where it is known: how it is known first; nothing
    where it is not."""
    if report.base is None:
        return ()
    b = report.base
    rows = (
        ("known from", wording.BASE_ORIGINS[b.origin]),
        ("checked", wording.BASE_BY_DIGEST if b.by_digest else wording.BASE_CLAIMED),
        *(() if b.spec is None else (("spec", b.spec),)),
        *identity(b.identity),
        ("answers", f"{b.n_answers:,}" + ("" if b.complete else " (incomplete)")),
        ("prompts shared with the suspect", f"{b.n_shared:,}"),
        ("answers sha256", b.answers_sha256),
    )
    named = b.identity.name == b.name
    return rows if named else (("stored as", b.name), *rows)


def score_rows(report: Report) -> tuple[tuple[str, str], ...]:
    """Who said how likely it finds texts, as label and value; nothing where nobody was asked."""
    if report.scores is None:
        return ()
    rows = []
    for s in report.scores.scorers:
        failed = f", {s.n_unscored:,} that could not be scored" if s.n_unscored else ""
        rows.append(
            (
                one_line(s.name),
                (
                    f"{s.n_scored:,} texts{failed}; weights"
                    f" {s.identity.weights_sha256 or 'out of sight'}"
                ),
            )
        )
    return (
        *rows,
        *((one_line(who), why) for who, why in report.scores.absent.items()),
        ("scores sha256", report.scores.sha256),
    )


def transcript_rows(report: Report) -> tuple[tuple[str, str], ...]:
    """What was asked and how, as label and value; nothing where nobody was asked."""
    t = report.transcript
    if t is None:
        return ()
    rows: list[tuple[str, str]] = [
        ("answers sha256", t.sha256),
        ("complete", "yes" if t.complete else "no"),
        (
            "temperature",
            f"{t.sampling.temperature:g}" + (" (greedy)" if t.sampling.temperature == 0 else ""),
        ),
        ("top-p", f"{t.sampling.top_p:g}"),
        ("samples of each prompt", str(t.sampling.samples)),
        ("seed", str(t.sampling.seed)),
    ]
    optional = (
        ("wall time, seconds", t.seconds),
        ("tokens read", t.tokens_in),
        ("tokens written", t.tokens_out),
    )
    rows += [(label, f"{value:,.0f}") for label, value in optional if value is not None]
    return tuple(rows)
