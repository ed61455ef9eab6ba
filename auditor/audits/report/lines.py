"""What a report says at a glance: one plain line an answer, with a status of four words.

Every kind of audit tells its own lines (`auditor.evidence.kinds.Kind.glance`); the status of a line
is decided here alone, by codes, so that it never says more than answer and verdicts together.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.evidence.codes import Conclusion
from auditor.evidence.error_rates import CalibrationSection, OutcomeCounts
from auditor.evidence.questions import QUESTIONS
from auditor.evidence.records import Answer, Report, Verdict
from auditor.reporting.document import Stretch, name
from auditor.reporting.text import one_line
from detectors.measurement import Question

Status = Literal["supported", "not_supported", "inconclusive", "not_examined"]
Told = tuple[str | Stretch, ...]
LABELS: dict[Status, str] = {
    "supported": "supported",
    "not_supported": "not supported",
    "inconclusive": "inconclusive",
    "not_examined": "not examined",
}
STATUS: dict[Conclusion, Status] = {
    "supported": "supported",
    "not_supported": "not_supported",
    "none_of_the_candidates": "not_supported",
    "common_third_source": "inconclusive",
    "inconclusive": "inconclusive",
    "not_assessable": "inconclusive",
    "not_examined": "not_examined",
    # Of a service: its claim is what is asked about, so a difference speaks against it; and that
    # none was found is no support.
    "different": "not_supported",
    "no_difference_found": "inconclusive",
    # What a service declines does not say whose weights it serves.
    "declined_in_front": "not_examined",
    "declined_in_the_weights": "not_examined",
    "answered_in_front": "not_examined",
}
"""Every conclusion as one of the four words that a reader needs no glossary for."""
MOST_NAMED, LONGEST_NAME = 3, 48
NOT_COUNTED = "How often such answers are wrong was not counted when it was calibrated."
NEITHER = "Nothing is concluded: nobody is accused, and nobody cleared."


@dataclass(frozen=True)
class GlanceLine:
    """One answer at a glance: its status, what was found in one plain sentence, and how sure that
    is (empty where nothing was concluded)."""

    question: Question
    status: Status
    told: Told
    sure: Told = ()


@dataclass(frozen=True)
class GlancePart:
    """What one kind of audit tells at a glance: its lines, and whom the suspect says that it is
    (empty where this kind does not ask)."""

    lines: tuple[GlanceLine, ...] = ()
    says: str = ""


def answer_to(report: Report, question: Question) -> Answer | None:
    """The report's answer to a question; None where it has none."""
    return next((a for a in report.answers if a.question == question), None)


def questions_of(report: Report) -> tuple[Question, ...]:
    """The questions in the order in which a report answers them: those that were examined first,
    so that none opens with what nobody looked at."""

    def unasked(question: Question) -> bool:
        """Whether the report has no answer to the question, or only that nobody looked: sorted
        last."""
        answer = answer_to(report, question)
        return answer is None or answer.conclusion == "not_examined"

    return tuple(sorted(QUESTIONS, key=unasked))


def verdicts_on(report: Report, question: Question) -> tuple[Verdict, ...]:
    """The verdicts about one question."""
    return tuple(v for v in report.verdicts if v.question == question)


def status_of(report: Report, question: Question) -> Status:
    """The status that answer, verdicts and findings bear out together; the weaker one where they
    differ.

    Supported only where the answer and a verdict say so, not supported only where the answer says
    so and no verdict supports anybody; not examined where nothing was measured.
    """
    answer, verdicts = answer_to(report, question), verdicts_on(report, question)
    conclusion = None if answer is None else answer.conclusion
    measured = any(f.question == question for f in report.findings)
    if conclusion is None:
        return "inconclusive" if verdicts or measured else "not_examined"
    if conclusion == "not_assessable" and not measured:
        return "not_examined"
    return agreed(STATUS[conclusion], verdicts)


def agreed(status: Status, verdicts: Sequence[Verdict]) -> Status:
    """The status, or "inconclusive" where the verdicts do not bear it out.

    A service has no verdicts by candidate, so without any the answer stands alone, but never for
    support. Whoever is kin or was not weighed is not cleared by what the others got; of weights the
    stored signatures that show nothing are no candidates.
    """
    outcomes = {v.outcome for v in verdicts}
    weights = all(v.question == "lineage" for v in verdicts)
    cleared = {"not_supported", "inconclusive", "not_assessable"} if weights else {"not_supported"}
    if status == "supported" and "supported" not in outcomes:
        return "inconclusive"
    if status == "not_supported" and outcomes - cleared:
        return "inconclusive"
    if status == "not_examined" and outcomes - {"not_assessable"}:
        return "inconclusive"
    return status


def named(names: Collection[str]) -> Told:
    """Up to three names, each made short, and how many more there are.

    >>> "".join(s if isinstance(s, str) else s.text for s in named(["a", "b", "c", "d"]))
    'a, b, c and 1 more'
    """
    shown = [name(one_line(n, LONGEST_NAME)) for n in list(names)[:MOST_NAMED]]
    more = len(names) - len(shown)
    out: list[str | Stretch] = []
    for i, one in enumerate(shown):
        last = i == len(shown) - 1 and not more
        out += [] if i == 0 else [" and " if last else ", "]
        out.append(one)
    return (*out, f" and {more} more") if more else tuple(out)


def whom(verdicts: Sequence[Verdict]) -> Told:
    """Whom verdicts are about, the strongest first."""
    ordered = sorted(verdicts, key=lambda v: -(v.strength or 0.0))
    return named(tuple(dict.fromkeys(v.called or "the suspect alone" for v in ordered)))


def error_told(calibration: CalibrationSection | None, status: Status) -> str:
    """How often such an answer is wrong, counted on models that were left out: where candidates
    were weighed at several numbers of prompts, at the one of most errors. Empty where nobody
    counted."""
    if calibration is None:
        return ""
    counted = [r.outcomes for r in calibration.error_rates if r.outcomes is not None]
    if not counted:
        return NOT_COUNTED
    o = max(counted, key=lambda of: _wrong(of, status))
    taught = f"{o.found.lineages:,} of {o.found.of:,} taught models"
    if status == "supported":
        return (
            f"On models of known history, {o.pairs_supported:,} of {o.pairs:,} pairs that had"
            f" nothing to do with each other were supported by mistake; {taught} were found."
        )
    if status == "not_supported":
        return (
            f"On models of known history, {o.cleared.lineages:,} of {o.cleared.of:,} taught ones"
            " got this answer by mistake."
        )
    return f"On models of known history only {taught} were found: an open answer clears nobody."


def _wrong(o: OutcomeCounts, status: Status) -> float:
    """The share that an answer of this status is wrong of, or passes over."""
    if status == "supported":
        return o.pairs_supported / max(1, o.pairs)
    if status == "not_supported":
        return o.cleared.lineages / max(1, o.cleared.of)
    return 1 - o.found.lineages / max(1, o.found.of)


def exactly_sure(status: Status, verdicts: Sequence[Verdict]) -> Told:
    """How sure an exact test is: of support, how rarely chance gives as much; of its absence, what
    would have been found."""
    if status == "supported":
        found = [v.p_value for v in verdicts if v.outcome == "supported" and v.p_value is not None]
        return (f"By chance alone so much is seen {rarely(max(found, default=1.0))}.",)
    powers = [v.exact.power for v in verdicts if v.exact is not None and v.exact.power is not None]
    if status == "not_supported" and powers:
        return (
            f"The stated effect is found in {int(100 * min(powers))} % of cases; less may hide.",
        )
    return () if status == "not_examined" else (NEITHER,)


def rarely(p_value: float) -> str:
    """How rare something is, for people who read no p-values; never rarer than it is.

    >>> rarely(3e-24), rarely(0.0004), rarely(0.3)
    ('less than once in a billion times', 'at most once in 2,500 times', 'at most once in 3 times')
    """
    for bound, word in ((1e-9, "a billion"), (1e-6, "a million")):
        if p_value < bound:
            return f"less than once in {word} times"
    return f"at most once in {int(1 / p_value + 1e-9):,} times"
