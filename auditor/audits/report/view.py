"""What of a report belongs together, by question, by candidate and by detector, and its records as
labels and values.

Knows the order of things; knows no document.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.audits.report import wording
from auditor.audits.report.lines import questions_of
from auditor.evidence.codes import Outcome
from auditor.evidence.exact import Design
from auditor.evidence.groups import groups_of
from auditor.evidence.kinship import FEWEST_EQUAL, MOSTLY_EQUAL
from auditor.evidence.questions import unexamined
from auditor.evidence.records import (
    Answer,
    Candidate,
    Finding,
    Report,
    Skipped,
    TranscriptSection,
    Verdict,
)
from auditor.reporting import labels
from auditor.reporting.text import one_line
from detectors.measurement import Question

NAMED = 3
ALONE = "the suspect alone"


@dataclass(frozen=True)
class Unmeasured:
    """One reason why a detector did not measure, and for whom: ``names`` without the suspect
    alone, ``alone`` for it."""

    question: Question
    detector: str
    reason: str
    names: tuple[str, ...]
    alone: bool

    @property
    def who(self) -> str:
        """For whom; empty where the reason is about the suspect alone and no candidate."""
        return " and ".join(
            filter(None, (who(self.names), ALONE if self.alone and self.names else ""))
        )


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one detector by one metric, about candidates or about the suspect alone,
    best rank first."""

    detector: str
    metric: str
    alone: bool
    findings: tuple[Finding, ...]


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

    @property
    def same_weights(self) -> bool:
        """Whether the suspect was loaded from its weights."""
        return self.about is not None and self.about.same_weights


@dataclass(frozen=True)
class ComparedMaker:
    """A maker's models with their places among all, best first; ``maker`` is empty for a lone model
    whose maker is not known."""

    maker: str
    models: tuple[tuple[int, ComparedWith], ...]

    @property
    def title(self) -> str:
        """What it is listed as."""
        return self.maker or self.models[0][1].name


def cards(report: Report) -> tuple[QuestionCard, ...]:
    """The three questions, those that were examined first; a question without an answer says
    so."""
    answers = {a.question: a for a in report.answers}
    place = {c.name: i for i, c in enumerate(compared(report))}
    verdicts = sorted(report.verdicts, key=lambda v: weightiest(v, place))
    return tuple(
        QuestionCard(
            question,
            answers.get(question) or unexamined(question)[0],
            tuple(v for v in verdicts if v.question == question),
            unmeasured(s for s in report.skipped if s.question == question),
        )
        for question in questions_of(report)
    )


def detectors(report: Report) -> tuple[str, ...]:
    """Names of the detectors with a finding about a candidate, in order of appearance."""
    return tuple(dict.fromkeys(f.detector for f in report.findings if f.candidate is not None))


def compared(report: Report) -> tuple[ComparedWith, ...]:
    """Every candidate that was stored or found: same weights first, then by best rank, then in the
    report's order."""
    known = {c.name: c for c in report.candidates}
    told = [v.candidate for v in report.verdicts if not v.of_vendor]
    found = [*(f.candidate for f in report.findings), *told]
    names = dict.fromkeys([*known, *(name for name in found if name is not None)])
    about = {name: tuple(f for f in report.findings if f.candidate == name) for name in names}
    twins = {c.name for c in report.candidates if c.same_weights}
    ordered = sorted(names, key=lambda name: (name not in twins, ranks(about[name])))
    return tuple(ComparedWith(name, known.get(name), about[name]) for name in ordered)


def by_maker(
    found: Sequence[ComparedWith], candidates: Sequence[Candidate]
) -> tuple[ComparedMaker, ...]:
    """What was compared by those that verdicts are about, in the order of each one's best model."""
    home = {m: g for g in groups_of(candidates) for m in g.members}
    gathered: dict[str, list[tuple[int, ComparedWith]]] = {}
    titles: dict[str, str] = {}
    for place, one in enumerate(found, 1):
        group = home.get(one.name)
        key = group.name if group is not None and group.maker else one.name
        titles[key] = group.maker if group is not None else ""
        gathered.setdefault(key, []).append((place, one))
    return tuple(ComparedMaker(titles[key], tuple(models)) for key, models in gathered.items())


def calibrated(report: Report) -> bool:
    """Whether any finding carries a calibration."""
    return any(f.calibration is not None for f in report.findings)


def warnings(report: Report) -> tuple[str, ...]:
    """What a reader must know before the first figure."""
    twins = [c.name for c in report.candidates if c.same_weights]
    out = [f"{name}: {wording.SAME_WEIGHTS}" for name in twins]
    # Short answers of a service that is what it claims are equal, too; none asks of training there.
    weighed = any(f.question == "inheritance" for f in report.findings)
    out += [
        f"{c.name}: {c.n_identical:,} of {c.n_shared:,} {wording.SAME_ANSWERS}"
        for c in report.candidates
        if weighed
        and not c.same_weights
        and c.n_shared >= FEWEST_EQUAL
        and c.n_identical >= MOSTLY_EQUAL * c.n_shared
    ]
    if report.transcript is not None and not report.transcript.complete:
        out.append(wording.INCOMPLETE)
    if any(map(uncalibrated, report.findings)) and not calibrated(report):
        out.append(wording.UNCALIBRATED)
    return tuple(out)


def uncalibrated(finding: Finding) -> bool:
    """Whether a finding needs a calibration and has none; tests of weights and services carry
    p-values of their own, and so do exact ones."""
    alone = finding.calibration is None and finding.exact is None
    return alone and finding.question == "inheritance"


def who(names: Sequence[str]) -> str:
    """Up to three names whole; of more their count, and the first three.

    >>> who(("a", "b")), who(tuple("abcde"))
    ('a and b', '5 candidates (a, b, c and 2 more)')
    """
    if len(names) > NAMED:
        return f"{len(names)} candidates ({', '.join(names[:NAMED])} and {len(names) - NAMED} more)"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def unmeasured(skipped: Iterable[Skipped]) -> tuple[Unmeasured, ...]:
    """What was not measured, each question, detector and reason once, in order of appearance."""
    grouped: dict[tuple[Question, str, str], list[str | None]] = {}
    for s in skipped:
        grouped.setdefault((s.question, s.detector, s.reason), []).append(s.candidate)
    return tuple(
        Unmeasured(*key, names=tuple(n for n in names if n is not None), alone=None in names)
        for key, names in grouped.items()
    )


def weightiest(verdict: Verdict, place: Mapping[str, int]) -> tuple[object, ...]:
    """Sort key of a verdict: the suspect alone, what was weighed by its ratio, then the rest in the
    order ``place`` of their models."""
    name = verdict.candidate
    if name is None:
        return (0, 0.0, "")
    if verdict.assessed:
        return (1, -(verdict.strength or 0.0), name)
    models = [m.name for m in verdict.members] or [name]
    return (2, min(place.get(m, len(place)) for m in models), name)


def weighed(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts on inheritance that carry a figure, one for each question: of a report of before
    there was one verdict a maker its makers', where it has any."""
    told = [v for v in verdicts if v.assessed]
    makers = [v for v in told if v.of_vendor]
    return tuple(told if any(v.members for v in told) else makers or told)


def called(verdict: Verdict) -> str:
    """How a verdict's candidate is called: a maker by its name."""
    return verdict.called or ALONE


def designs(report: Report) -> tuple[Design, ...]:
    """The designs of a report's exact tests, each once, verdicts' first."""
    told = [*(v.exact for v in report.verdicts), *(f.exact for f in report.findings)]
    return tuple(dict.fromkeys(test.design for test in told if test is not None))


def on_its_side(cap: float | None, log10_lr: float | None) -> float | None:
    """A cap with the sign of the ratio that it bounds: records hold its size alone."""
    return cap if cap is None or (log10_lr or 0.0) > 0 else -cap


def unanimous(verdicts: Sequence[Verdict]) -> Outcome | None:
    """The outcome that all verdicts share, where it carries no figure: a table of it would say one
    thing often."""
    outcomes = {v.outcome for v in verdicts}
    plain = not any(v.assessed or v.words is not None for v in verdicts)
    return next(iter(outcomes)) if len(outcomes) == 1 and plain else None


def reasons(verdicts: Sequence[Verdict], brief: bool = False) -> tuple[str, ...]:
    """Why there is no stronger outcome, each reason once; with the names of those it holds for
    unless it holds for all.

    ``brief`` tells three names and counts the others.
    """
    grouped: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.reason:
            grouped.setdefault(verdict.reason, []).append(called(verdict))
    tell = who if brief else ", ".join
    return tuple(
        reason if len(names) == len(verdicts) else f"{tell(names)}: {reason}"
        for reason, names in grouped.items()
    )


def ranks(findings: Iterable[Finding]) -> tuple[float, ...]:
    """The ranks of findings, best first: compared with another's, the better best rank decides,
    then the next best."""
    return (*sorted(f.rank.position for f in findings if f.rank is not None), math.inf)


def by_detector(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """The findings in groups: those about the suspect alone first, then by detector; within one
    by rank, then by value."""
    grouped: dict[tuple[bool, str, str], list[Finding]] = {}
    for f in sorted(findings, key=lambda f: f.candidate is not None):
        # Reports of before there were ids, and plug-ins that give none, have the label alone.
        key = f.candidate is None, f.detector, f.metric_id or f.metric
        grouped.setdefault(key, []).append(f)
    return tuple(
        FindingGroup(
            detector,
            found[0].metric,
            alone,
            tuple(sorted(found, key=lambda f: (ranks([f]), -f.value))),
        )
        for (alone, detector, _), found in grouped.items()
    )


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
        *labels.identity(b.identity),
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
        weights = s.identity.weights_sha256 or "out of sight"
        rows.append((one_line(s.name), f"{s.n_scored:,} texts{failed}; weights {weights}"))
    return (
        *rows,
        *((one_line(who), why) for who, why in report.scores.absent.items()),
        ("scores sha256", report.scores.sha256),
    )


OWN_DEFAULT = "the endpoint's own default, which it doesn't tell"


def _temperature(t: TranscriptSection) -> str:
    if "server_temperature" in t.adjusted:
        return f"{OWN_DEFAULT} ({t.sampling.temperature:g} was refused)"
    return f"{t.sampling.temperature:g}{' (greedy)' if t.sampling.temperature == 0 else ''}"


def transcript_rows(report: Report) -> tuple[tuple[str, str], ...]:
    """What was asked and how, as label and value; nothing where nobody was asked."""
    t = report.transcript
    if t is None:
        return ()
    rows: list[tuple[str, str]] = [
        ("answers sha256", t.sha256),
        ("complete", "yes" if t.complete else "no"),
        ("temperature", _temperature(t)),
        ("top-p", OWN_DEFAULT if "server_top_p" in t.adjusted else f"{t.sampling.top_p:g}"),
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
