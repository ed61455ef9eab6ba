"""What a case must hold before a detector measures it: the closed vocabulary of `Detector.needs`,
and the reason where something is missing.

Knows cases; knows no detector. How many answers are enough is each detector's own to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial

from detectors.case import Case
from detectors.measurement import NotMeasured, WhyNot
from fingerprints.records import Kind
from fingerprints.scores import BASE, SUSPECT, teacher
from fingerprints.transcript import Transcript


class Need(StrEnum):
    """One thing that a case must hold; its value is what people read."""

    ANSWERS = "replies:any"
    STYLE = "replies:style"
    IDENTITY = "replies:identity"
    CHOICES = "replies:choices"
    OPENINGS = "replies:openings"
    POLICY = "replies:policy"
    NAMED = "replies:named"
    UNSEEN = "replies:unseen"
    REPEATED = "replies:repeated"
    TOKENS = "replies:tokens"
    TEACHER = "teacher:replies"
    TEACHER_BESIDE_BASE = "teacher:not the base"
    BACKGROUND = "background:replies"
    BASE = "base:replies"
    SHADOWS = "shadows"
    SUSPECT_SCORES = "suspect:score"
    BASE_SCORES = "base:score"
    TEACHER_SCORES = "teacher:score"


def lacking(needs: Iterable[Need], case: Case) -> NotMeasured | None:
    """Why a case can't be measured: the first need that it doesn't meet, in the order given; None
    where it meets all. Raises ValueError for a word that is no need."""
    for need in map(Need, needs):
        reason = _CHECKS[need](case)
        if reason:
            return NotMeasured(reason=reason, code=_CODES.get(need, "too_few_answers"))
    return None


def without_replies(suspect: Transcript, kind: Kind) -> str:
    """Why a suspect has no readable answer to probes of a kind."""
    asked = suspect.of_kind(kind)
    if asked:
        return f"none of {len(asked)} answers to {kind} questions can be read"
    if suspect.identity.kind == "recording":
        return (
            f"no {kind} questions among the recorded answers; record answers to the probe set"
            f" '{kind}'"
        )
    return f"no {kind} questions were asked; collect the probe set '{kind}'"


def _replies(kind: Kind, case: Case) -> str:
    held = any(r.answered for r in case.suspect.of_kind(kind))
    return "" if held else without_replies(case.suspect, kind)


def _answers(case: Case) -> str:
    replies, probes = case.suspect.replies, case.suspect.probes
    if any(r.answered and r.probe_id in probes for r in replies):
        return ""
    told = f"none of {len(replies)} answers can be read"
    return told if replies else without_replies(case.suspect, "identity")


def _style(case: Case) -> str:
    probes = case.suspect.probes
    asked = (r for r in case.suspect.replies if r.answered and r.probe_id in probes)
    held = any(probes[r.probe_id].shows_style for r in asked)
    return "" if held else without_replies(case.suspect, "style")


def _policy(case: Case) -> str:
    # What a filter swallowed is no readable answer, and yet what is looked for.
    return "" if case.suspect.of_kind("policy") else without_replies(case.suspect, "policy")


def _repeated(case: Case) -> str:
    probes, replies = case.suspect.probes, case.suspect.replies
    times = Counter(probes[r.probe_id].prompt_sha256() for r in replies if r.probe_id in probes)
    held = max(times.values(), default=0) > 1
    return "" if held else "the endpoint answered no prompt at least 2 times"


def _tokens(case: Case) -> str:
    held = any(r.tokens_in for r in case.suspect.replies)
    return "" if held else "the endpoint gives no token counts"


def _teacher(case: Case) -> str:
    return "" if case.candidate else "it is measured against a candidate, and the case names none"


def _beside_base(case: Case) -> str:
    same = (
        case.candidate is not None
        and case.base is not None
        and case.candidate.transcript.identity.same_weights(case.base.transcript.identity)
    )
    return "the candidate is the suspect's base: training leads away from it" if same else ""


def _background(case: Case) -> str:
    return "" if case.background else "no other stored model is there to compare with"


def _base(case: Case) -> str:
    return "" if case.base else "the suspect's base is not known; name it with --base"


def _shadows(case: Case) -> str:
    held = case.base is not None and case.shadows
    if held:
        return ""
    return "no shadow students were trained from the suspect's base; `auditor shadow` does"


def _scores(scorer: str, case: Case) -> str:
    return "" if scorer in case.scores.scorers else case.scores.why_not(scorer)


def _teacher_scores(case: Case) -> str:
    if case.candidate is None:
        return _teacher(case)
    reason = _scores(teacher(case.candidate.name), case)
    how = "its weights must be open for scoring, in an audit by --teacher NAME=SPEC"
    return f"{reason}; {how}" if reason else ""


KINDS: Mapping[Need, Kind] = {
    Need.IDENTITY: "identity",
    Need.CHOICES: "choices",
    Need.OPENINGS: "openings",
    Need.POLICY: "policy",
    Need.NAMED: "named",
    Need.UNSEEN: "unseen",
}
"""Which kind of question a need is for."""
_CHECKS: Mapping[Need, Callable[[Case], str]] = {
    **{need: partial(_replies, kind) for need, kind in KINDS.items()},
    Need.ANSWERS: _answers,
    Need.STYLE: _style,
    Need.POLICY: _policy,
    Need.REPEATED: _repeated,
    Need.TOKENS: _tokens,
    Need.TEACHER: _teacher,
    Need.TEACHER_BESIDE_BASE: _beside_base,
    Need.BACKGROUND: _background,
    Need.BASE: _base,
    Need.SHADOWS: _shadows,
    Need.SUSPECT_SCORES: partial(_scores, SUSPECT),
    Need.BASE_SCORES: partial(_scores, BASE),
    Need.TEACHER_SCORES: _teacher_scores,
}
_CODES: Mapping[Need, WhyNot] = {
    Need.TEACHER: "no_candidate",
    Need.TEACHER_BESIDE_BASE: "is_base",
    Need.BACKGROUND: "too_few_models",
    Need.BASE: "no_base",
    Need.SHADOWS: "no_shadows",
    Need.SUSPECT_SCORES: "not_scored",
    Need.BASE_SCORES: "not_scored",
    Need.TEACHER_SCORES: "not_scored",
    Need.TOKENS: "not_comparable",
}
