"""The sentences of a shadow report: the three answers, the limits, and how to repeat it. Counts
and names only."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from auditor.audits.inheritance.base_model import Base
from auditor.audits.plan import probes_told
from auditor.audits.shadow.judging import JudgedShadows
from auditor.audits.shadow.plan import ShadowPlan
from auditor.audits.shadow.prompts import PromptSources
from auditor.calibration.conclusions import concluded
from auditor.evidence.questions import ASKS, unexamined
from auditor.evidence.records import Answer
from detectors.base import Shadow
from detectors.lineup import counted
from fingerprints.transcript import Transcript


def answers(base: Base, suspect: Transcript, judged: JudgedShadows) -> tuple[Answer, ...]:
    """The three questions, each with one sentence and what that sentence does not say."""
    conclusion, told = concluded(judged.verdicts)
    if conclusion == "not_assessable":
        told = f"Not assessed: {judged.verdicts[0].reason.rstrip('.')}."
    by_digest = base.section(suspect).by_digest
    name = base.teacher.name
    return (
        Answer(
            question="inheritance",
            asks=ASKS["inheritance"],
            conclusion=conclusion,
            answer=told,
            does_not_say=(
                "A ratio is not the probability that the suspect was taught by a candidate. A"
                " teacher who is no candidate was not asked about, and a smaller dose than the"
                " shadows' may look like none."
            ),
        ),
        Answer(
            question="lineage",
            asks=ASKS["lineage"],
            answer=(
                f"The suspect is an adapter on weights that are byte-identical to those of {name}"
                " (equal SHA-256)."
                if by_digest
                else (
                    f"Not assessed: the shadows were trained from {name}, and that the suspect was"
                    " too is assumed."
                )
            ),
            does_not_say="Weights were compared by digest only.",
        ),
        *unexamined("service"),
    )


def limits(
    plan: ShadowPlan,
    base: Base,
    suspect: Transcript,
    shadows: Sequence[Shadow],
    prompts: PromptSources,
    judged: JudgedShadows,
    left_out: Sequence[str],
) -> tuple[str, ...]:
    """What this audit can't show, with the numbers that cap it."""
    shadows = shadows if judged.panel is None else judged.panel.shadows
    students = sum(bool(s.teachers) for s in shadows)
    out = [
        (
            f"Calibrated on {counted(students, 'student')} and"
            f" {counted(len(shadows) - students, 'control')} that were trained for {whose(plan)}"
            f" from {base.teacher.name}, each on {plan.recipe}'s way of training: valid for"
            " suspects made like them. Their scores are held out by seed and by source, but"
            " shadows are no models of the world."
        )
    ]
    if judged.fitted is not None:
        bounds = judged.fitted.numbers_.bounds
        out.append(
            f"With so many shadows no ratio above 10^{bounds.high:.2f} or below 10^{bounds.low:.2f}"
            " is reported, and with their few sources no p-value can be small: p is shown for"
            " completeness."
        )
    if not base.section(suspect).by_digest:
        known = "named by the user" if base.origin == "user" else "assumed"
        out.append(
            f"That the shadows' base is the suspect's was {known} and not observed; from another"
            " base the directions differ, by how much is not known."
        )
    if not prompts.shared:
        out.append(
            "The candidates' answers are to different prompts: their students differ by topic too,"
            " and the score can't tell that from the teacher."
        )
    if left_out:
        out.append(
            f"The budget was spent before {counted(len(left_out), 'shadow')} could be made:"
            f" {', '.join(left_out)}."
        )
    if suspect.identity.kind == "recording":
        out.append(
            "The suspect's answers were recorded by somebody else: their origin is claimed, not"
            f" observed, and the shadows' were cut at {plan.max_tokens} tokens."
        )
    out.append(
        "Known ways to hide: a small dose, paraphrased or mixed training answers, later training on"
        " something else. No support is not a finding of no training."
    )
    return tuple(out)


def whose(plan: ShadowPlan) -> str:
    """Which audit the shadows were trained for."""
    return "this audit" if plan.shadows is None else "an earlier audit"


def command_of(plan: ShadowPlan, seeds: int, n: int) -> str:
    """The command that repeats the audit in another folder, with what the budget decided written
    out."""
    if plan.shadows is not None:
        used = ("--suspect", plan.suspect, "--shadows", plan.shadows)
        return shlex.join(["auditor", "shadow", *used, "--out", "again/"])
    flags = [
        ("--suspect", plan.suspect),
        ("--base", plan.base),
        *(("--teacher", f"{teacher.name}={teacher.spec}") for teacher in plan.teachers),
        ("--recipe", plan.recipe),
        ("--size", plan.size),
        ("--seeds", str(seeds)),
        ("--n", str(n)),
        ("--probes", probes_told(plan.probes)),
        ("--max-tokens", str(plan.max_tokens)),
    ]
    doses = (f"--dose={dose:g}" for dose in plan.doses)
    return shlex.join(
        ["auditor", "shadow", *(p for pair in flags for p in pair), *doses, "--out", "again/"]
    )
