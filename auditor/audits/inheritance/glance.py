"""What an audit of answers says at a glance: of likelihood ratios one plain sentence, of digests
another, and whom the suspect says that it is.

Knows codes and names; weighs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from auditor.audits.inheritance.records import SelfDescriptionSection
from auditor.audits.report.lines import (
    NOT_COUNTED,
    GlanceLine,
    GlancePart,
    Status,
    Told,
    agreed,
    answer_to,
    error_told,
    named,
    status_of,
    verdicts_on,
    whom,
)
from auditor.evidence.codes import TOO_FEW_PROMPTS, ReasonCode
from auditor.evidence.records import Report, Verdict
from auditor.evidence.weight import ALL_WORDS
from auditor.reporting.document import name
from detectors.text.vendors import vendor_title

MOST_NAMED = 3
NO_ERROR_RATE = "Not known: no error rate stands behind these figures."
KINSHIP_TOO = " Shared weights or a shared maker would look the same, and were not ruled out."
NOT_STORED = " A teacher that is not among them can't be found."
NOTHING_MEASURED = "Nothing could be measured on these answers."
NOT_ASKED = "This audit did not ask whether it learned from another model's answers."
NO_MORE = "Nothing is concluded about it."
UNUSUAL = "No conclusion: nothing says how often a model that learned from nobody here looks so."
WHY: dict[ReasonCode, str] = {
    "unlike_all_known": "No conclusion: its answers are unlike those of every model of known"
    " history, so that likeness says nothing here.",
    "too_few_vendors": "No conclusion: models of too few makers are stored to say what is usual.",
    "too_few_shadows": "No conclusion: too few students could be trained to say what is usual.",
    "no_use": "No conclusion: on models that were left out such figures were of no use.",
}
TOO_FEW = "No conclusion: too few of its answers are to questions that the stored models answered."
ITSELF = "No conclusion: it has the very weights of what it was compared with."
NOBODY = "No conclusion: the store holds no other model to compare its answers with."
NOT_MEASURED = "No conclusion: nothing was measured that the calibration can weigh."
BY_DIGEST = "Their SHA-256 digests are equal."


def glance(report: Report) -> GlancePart:
    """The lines on learning and on weights by digest, and whom the suspect says that it is."""
    lines = list(_untested(report))
    verdicts = verdicts_on(report, "inheritance")
    if not any(v.exact is not None for v in verdicts):
        lines.append(_inheritance(report, verdicts))
    return GlancePart(tuple(lines), _says(report))


def _untested(report: Report) -> Iterator[GlanceLine]:
    """The lines on weights and service where no audit of theirs gave a conclusion."""
    for question, line in (("lineage", _lineage(report)), ("service", _service(report))):
        found = next((a for a in report.answers if a.question == question), None)
        if found is None or found.conclusion in (None, "not_examined"):
            yield line


def _says(report: Report) -> str:
    """The first sentence of the headline where that tells of names."""
    section = report.section(SelfDescriptionSection)
    if section is not None and report.headline:
        return report.headline[0] + ("" if section.asked else _unasked(section))
    counted = any(f.detector == "self_identification" for f in report.findings)
    return "How often it names whom is counted in the report." if counted else ""


def _unasked(section: SelfDescriptionSection) -> str:
    """Whom it names where no question was seen to ask who it is, the most named first, as a
    sentence; empty where it names nobody of its own accord."""
    counts: dict[str, int] = {}
    for row in section.named:
        if row.source == "elsewhere" and row.maker:
            counts[row.maker] = counts.get(row.maker, 0) + row.answers - row.suggested - row.played
    found = sorted((-n, maker) for maker, n in counts.items() if n > 0)
    if not found:
        return ""
    # Each setting's row counts the answers that it is of, whichever maker it names.
    settings = {row.setting: row.of for row in section.named if row.source == "elsewhere"}
    listed = ", ".join(f"{vendor_title(maker)} in {-n}" for n, maker in found[:MOST_NAMED])
    of = sum(settings.values())
    return f" Its answers say that it is or comes from: {listed} of {of}."


def _inheritance(report: Report, verdicts: Sequence[Verdict]) -> GlanceLine:
    status = status_of(report, "inheritance")
    answer = answer_to(report, "inheritance")
    if status == "not_examined":
        asked = answer is not None and answer.conclusion == "not_assessable"
        return GlanceLine("inheritance", status, (NOTHING_MEASURED if asked else NOT_ASKED,))
    return GlanceLine("inheritance", status, _told(report, status, verdicts), _sure(report, status))


def _sure(report: Report, status: Status) -> Told:
    told = error_told(report.calibration, status)
    found = [v for v in verdicts_on(report, "inheritance") if v.outcome == status and v.words]
    if status == "supported" and found:
        strongest = max(found, key=lambda v: v.strength or 0.0)
        words = strongest.words or ""
        first = f"{words[:1].upper()}{words[1:]}"
        # A report that was read may say anything here.
        known = words in ALL_WORDS
        rest = f". {told or NOT_COUNTED}"
        return (f"{first}{rest}",) if known else (name(first), rest)
    if any(v.assessed for v in verdicts_on(report, "inheritance")):
        return (told or NOT_COUNTED,)
    return (NO_ERROR_RATE,)


def _told(report: Report, status: Status, verdicts: Sequence[Verdict]) -> Told:
    if status == "supported":
        found = [v for v in verdicts if v.outcome == "supported"]
        them = "it" if len(found) == 1 else "them"
        close = ("The answers are closer to those of ", *whom(found))
        usual = f" than is usual for models that never learned from {them}."
        return (*close, usual + (KINSHIP_TOO if _kinship_open(report, found) else ""))
    if status == "not_supported":
        found = [v for v in verdicts if v.outcome == "not_supported"] or list(verdicts)
        close = ("The answers are no closer to those of ", *whom(found))
        return (*close, f" than those of models that never learned from them.{NOT_STORED}")
    return _open(verdicts) if verdicts or report.candidates else (NOBODY,)


def _kinship_open(report: Report, found: Sequence[Verdict]) -> bool:
    """Whether it isn't known whose weights the suspect began with, or who made it or its base."""
    said = report.section(SelfDescriptionSection)
    maker = report.plan.get("vendor") if said is None else said.vendor
    unknown = any(v.reason_code == "lineage_unknown" for v in found)
    return unknown or report.base is None or maker == ""


def _open(verdicts: Sequence[Verdict]) -> Told:
    """Why nothing is concluded, the plainest reason first."""
    shared = [v for v in verdicts if v.third_source]
    if len(shared) > 1:
        close = ("The answers are close to those of ", *whom(shared), " at once: ")
        return (*close, "a common source or several teachers, and none of them by itself.")
    told = [v for v in verdicts if v.assessed]
    if not told:
        return _unassessed(verdicts)
    against = [v for v in told if v.outcome == "not_supported"]
    if not against:
        few = len(verdicts) == 1
        which = "its only candidate" if few else f"any of {len(verdicts)} candidates"
        return (f"Open: the answers don't decide about {which}, in either direction.",)
    left = len(verdicts) - len(against)
    rest = f" and leave {left} of {len(verdicts)} candidates open." if left else "."
    return ("The answers speak against ", *whom(against), rest)


def _unassessed(verdicts: Sequence[Verdict]) -> Told:
    related = [v for v in verdicts if v.reason_code == "not_separable_from_lineage"]
    copied = [v for v in related if set(v.kinship) == {"same_answers"}]
    if copied:
        same = ("Nearly all answers are word for word those of ", *whom(copied))
        return (*same, ", and why is not known: that says nothing of training.")
    codes = {v.reason_code for v in verdicts if v not in related}
    why = _why(codes)
    if not related:
        return (why,)
    kin = (
        "It is taken to share weights or a maker with ",
        *whom(related),
        ", which looks the same",
    )
    return (*kin, f" as learning. {why if codes else NO_MORE}")


def _why(codes: Collection[ReasonCode | None]) -> str:
    """Why nobody was weighed, by the codes of whoever is not known to be kin."""
    why = next((told for code, told in WHY.items() if code in codes), "")
    if why or not codes:
        return why or UNUSUAL
    alone: tuple[tuple[frozenset[ReasonCode], str], ...] = (
        (TOO_FEW_PROMPTS, TOO_FEW),
        (frozenset({"same_weights"}), ITSELF),
        (frozenset({"not_measured"}), NOT_MEASURED),
    )
    return next((told for of, told in alone if of.issuperset(codes)), UNUSUAL)


def _lineage(report: Report) -> GlanceLine:
    """The line on weights as far as digests tell it."""
    who = report.subject.identity
    same = [c.name for c in report.candidates if c.same_weights]
    if same:
        told: Told = ("Its weight files are byte for byte those of ", *named(same), ".")
        return GlanceLine("lineage", "supported", told, (BY_DIGEST,))
    below = [
        c.name
        for c in report.candidates
        if who.adapter_sha256
        and who.weights_sha256
        and c.identity.weights_sha256 == who.weights_sha256
        and not c.identity.adapter_sha256
    ]
    if not below and report.base is not None and report.base.by_digest:
        below = [report.base.name]
    if below:
        told = ("It is an adapter on weights that are byte for byte those of ", *named(below), ".")
        return GlanceLine("lineage", "supported", told, (BY_DIGEST,))
    return _weights_unseen(report)


def _weights_unseen(report: Report) -> GlanceLine:
    if any(f.question == "lineage" and f.candidate is not None for f in report.findings):
        status = agreed("inconclusive", verdicts_on(report, "lineage"))
        return GlanceLine("lineage", status, ("What was compared decides nothing about weights.",))
    if report.subject.identity.weights_sha256 is None:
        return GlanceLine("lineage", "not_examined", ("Its weights are out of sight.",))
    told = "No weights were compared: that no stored model has the same digest clears nothing."
    return GlanceLine("lineage", "not_examined", (told,))


def _service(report: Report) -> GlanceLine:
    """The line on a service that no test looked at."""
    if report.subject.identity.kind == "endpoint":
        told = "It was not compared with the model that it claims to be."
    else:
        told = "No service was asked."
    return GlanceLine("service", "not_examined", (told,))
