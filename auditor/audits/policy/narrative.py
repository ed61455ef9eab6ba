"""The sentences of a policy report that no detector writes: the answer, the limits, other
explanations, how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from auditor.audits.frame import limits_of_asking
from auditor.audits.policy.plan import PolicyPlan
from auditor.evidence.codes import Conclusion as Word
from auditor.evidence.questions import ASKS
from auditor.evidence.records import Answer
from detectors.base import NotMeasured
from detectors.exhibits.policy import ComparedDeclines
from detectors.lineup import counted
from detectors.text.policy_pairs import ALPHA, FEWEST, Conclusion
from fingerprints.transcript import Transcript


def answer(compared: Mapping[str, ComparedDeclines | NotMeasured]) -> Answer:
    """The question of the service in one sentence about the weights, and one about a third model
    where there is one."""
    told = [_told(name, found) for name, found in compared.items()]
    return Answer(
        question="service",
        asks=ASKS["service"],
        answer=" ".join(told),
        conclusion=word_of(next(iter(compared.values()))),
        does_not_say=(
            "Only who declines what was compared. It does not say whether the service runs these"
            " weights, who put a filter there, or whether an answer is true."
        ),
    )


def word_of(found: ComparedDeclines | NotMeasured) -> Word:
    """The comparison of the service with the weights (not with a third model) as one word.

    ``declined_in_front``: the service declines a topic or a language, or whatever is asked, that
    the weights answer; ``answered_in_front``: the reverse; ``different``: both. Where nothing
    stands out ``declined_in_the_weights`` says that both mostly decline a topic or a language,
    ``no_difference_found`` that neither does; ``inconclusive``: only all questions together differ,
    or no group is large enough to stand out had every question in it been declined by one alone.
    """
    if isinstance(found, NotMeasured):
        return "not_assessable"
    held = {g.conclusion for g in (*found.topics, *found.languages)}
    in_front, at_home = bool(held & {"in_front", "everything"}), "at_home_only" in held
    if in_front and at_home:
        return "different"
    if in_front or at_home:
        return "declined_in_front" if in_front else "answered_in_front"
    if found.everything.p <= ALPHA or not _could_differ(found):
        return "inconclusive"
    return "declined_in_the_weights" if "in_both" in held else "no_difference_found"


def _could_differ(found: ComparedDeclines) -> bool:
    """Whether some group would stand out (McNemar, Holm) if all its pairs differed one way."""
    families = (found.topics, found.languages)
    return any(
        2 * 0.5**g.asked.n * len(groups) <= ALPHA
        for groups in families
        for g in groups
        if g.asked.n >= FEWEST
    )


def _told(name: str, found: ComparedDeclines | NotMeasured) -> str:
    if isinstance(found, NotMeasured):
        return f"Not assessed beside {name}: {found.reason}."
    parts = [
        _listed(found, "in_front", f"declined by the service and answered by {name}"),
        _listed(
            found,
            "everything",
            f"declined by the service whatever is asked, and answered by {name}",
        ),
        _listed(found, "at_home_only", f"answered by the service and declined by {name}"),
        _listed(found, "in_both", f"declined by both the service and {name}"),
    ]
    held = [p for p in parts if p]
    e = found.everything
    overall = (
        f"over all {counted(e.n, 'question')} {e.first_only} were declined by the service alone,"
        f" {e.second_only} by {name}"
    )
    if held:
        return (
            f"By topic or language (Holm, {ALPHA:g}): {'; '.join(held)}; {overall} alone (p"
            f" {e.p:.2g})."
        )
    return (
        f"No topic or language stands out between the service and {name}; {overall} alone (McNemar"
        f" p {e.p:.2g})."
    )


def _listed(found: ComparedDeclines, conclusion: Conclusion, told: str) -> str:
    names = [
        g.name
        for groups in (found.topics, found.languages)
        for g in groups
        if g.conclusion == conclusion
    ]
    return f"{told}: {', '.join(names)}" if names else ""


def limits(said: Mapping[str, Transcript], plan: PolicyPlan) -> tuple[str, ...]:
    """What this comparison can't show."""
    out = [
        (
            "That the weights at home are those behind the service was named by the user and not"
            " observed. `auditor audit` and lineage compare models; this does not."
        ),
        (
            "Every question was written for this set: topics and jurisdictions beyond it were not"
            " asked. Nothing harmful was asked, so refusals of harmful requests were not compared."
        ),
        "Refusals are recognised by words, in eight languages. Soft evasion counts as an answer.",
    ]
    out += [f"The answers of {role} are incomplete." for role, t in said.items() if not t.complete]
    out += [
        f"The answers of {role} were recorded by somebody else: their origin is claimed, not"
        " observed."
        for role, t in said.items()
        if t.identity.kind == "recording"
    ]
    out += [f"{role}: {told}" for role, t in said.items() for told in limits_of_asking(t)]
    if plan.sampling.samples == 1:
        out.append(
            "One answer per question: a service that declines by chance is seen only in the mean."
        )
    return tuple(out)


def alternatives() -> tuple[str, ...]:
    """Other explanations for a difference, none of which was tested."""
    return (
        "The service runs other weights, or another version of these.",
        "The service adds a system prompt that makes the same weights decline.",
        "The service's weights were tuned further, and the local ones were not.",
        "Another quantisation or another way of sampling tips answers that were close.",
        "A limit of rate, length or account turned questions away, and no topic did.",
    )


def command_of(plan: PolicyPlan) -> tuple[str, ...]:
    """Commands that repeat the audit, and the judgement alone from what was recorded."""
    named = (("topics", plan.topics), ("languages", plan.languages))
    chosen = [f"--{name}={','.join(v)}" for name, v in named if v]
    s = plan.sampling
    drawn = [f"--samples={s.samples}"] if s.samples > 1 else []
    drawn += [f"--temperature={s.temperature:g}", f"--seed={s.seed}"] if s.temperature else []
    drawn += [f"--max-tokens={s.max_tokens}"] if s.max_tokens else []
    asked = [plan.hosted, plan.local, *(["--also", plan.also] if plan.also else [])]
    kept = ["report/transcript.jsonl", "report/local.jsonl"]
    kept += ["--also", "report/also.jsonl"] if plan.also else []
    return (
        shlex.join(["auditor", "policy", *asked, *chosen, *drawn, "--out", "again/"]),
        shlex.join(["auditor", "policy", *kept, *chosen, "--out", "judged-again/"]),
    )
