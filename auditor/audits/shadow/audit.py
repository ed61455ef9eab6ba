"""The straight line of a shadow audit: ask the suspect and its base, decide, train, ask the
shadows, weigh, tell.

Everything lies in one folder, so that the same call goes on where a killed one stopped: ``report/``
is a report bundle, ``shadows/`` an ordinary cohort.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import ValidationError

from auditor.audits.frame import keep
from auditor.audits.inheritance.base_model import Base
from auditor.audits.report.bundle import REPORT as BUNDLE
from auditor.audits.report.bundle import TRANSCRIPT, ready_folder
from auditor.audits.shadow.budget import Purse, Spent
from auditor.audits.shadow.costs import Costs, Decision, costs_of, decide
from auditor.audits.shadow.growing import Questions, finished, grow, make
from auditor.audits.shadow.judging import judge, without_itself
from auditor.audits.shadow.plan import ShadowPlan, plan_again
from auditor.audits.shadow.prompts import PromptSources, find_prompts, prompts_again
from auditor.audits.shadow.reporting import (
    Facts,
    calibration_name,
    itself_among,
    report_of,
    shadows_of,
)
from auditor.audits.shadow.rungs import ShadowRung, base_rung, shadow_rungs
from auditor.audits.shadow.sensitivity import sensitivity
from auditor.controls.cohort import TRANSCRIPT as ANSWERS
from auditor.controls.cohort import Cohort, load_cohort
from auditor.evidence.records import Report
from auditor.execution.here import ThisProcess
from auditor.execution.order import Executor
from detectors.base import Shadow, Teacher
from detectors.pairing import FEWEST, style_answers
from fingerprints.collect import collect
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import write_record
from fingerprints.records import ProbeSet, Sampling
from fingerprints.subjects import open_subject, parse_spec
from fingerprints.transcript import Transcript, load_transcript
from fingerprints.work_folder import WorkFolder

PLAN, DECISION, REPORT, SHADOWS = "plan.yaml", "decision.json", "report", "shadows"
RECORDED = "recorded"
"""The name of the probe set that a recorded suspect's own prompts make."""


Keeping = Callable[[Report, ShadowPlan, Path], Report]


def shadow_audit(
    plan: ShadowPlan,
    out: Path,
    progress: Progress = SILENT,
    keeping: Keeping = keep,
    executor: Executor | None = None,
) -> Report:
    """Audits the plan's suspect with shadows; writes ``out/report`` and ``out/shadows`` and returns
    the report, which ``keeping`` writes. Shadows are made by the executor; None: here, one after
    the other.

    Deterministic for greedy sampling on one device, but for times and what the budget leaves out.
    Raises MalformedInput for a folder of another audit, Locked while another process works there,
    UsageProblem for a budget that carries nothing, and the errors of opening, asking and training;
    what was finished stays.
    """
    if plan.shadows is not None:
        return _again(plan, Path(plan.shadows), out, progress, keeping)
    doing = executor or ThisProcess(progress)
    with _held(plan, out):
        ready_folder(out / REPORT)
        with open_subject(plan.suspect) as subject:
            sets = probe_sets_of(plan, subject.recorded() if "recorded" in subject.offers else None)
            asked = Questions(sets, Sampling(max_tokens=plan.max_tokens))
            suspect = collect(
                subject,
                sets,
                asked.sampling,
                out / REPORT / TRANSCRIPT,
                progress.step("asking the suspect"),
            )
        prompts = find_prompts(plan, sets, out)
        # The base before anything is decided: its answers tell how fast this machine is.
        rung = base_rung(plan)
        base = _base(plan, suspect, make(rung, asked, out / SHADOWS / rung.name, doing))
        costs = costs_of(plan, sets, prompts, base.teacher.transcript, doing.at_once)
        decision = _decided(costs, prompts, out)
        for line in decision.lines():
            progress.say(line)
        rungs = shadow_rungs(plan, decision.seeds, decision.n, prompts, out)
        tokens, seconds = costs.rung(decision.n)
        expected = Spent(seconds=seconds, tokens=round(tokens), trained=True)
        purse = Purse.open(plan, out, expected, doing.at_once)
        left_out = grow(rungs, asked, out / SHADOWS, purse, doing, progress)
        return _reported(
            plan,
            decision,
            suspect,
            base,
            prompts,
            left_out,
            load_cohort(out / SHADOWS),
            out / REPORT,
            keeping,
        )


def _again(plan: ShadowPlan, home: Path, out: Path, progress: Progress, keeping: Keeping) -> Report:
    """Another suspect against the shadows of a finished audit: it alone is asked, and nothing is
    trained."""
    decision, said = (
        earlier_decision(home),
        load_transcript(home / SHADOWS / base_rung(plan).name / ANSWERS),
    )
    sets = _sets_again(plan, said)
    with _held(plan, out):
        ready_folder(out / REPORT)
        with open_subject(plan.suspect) as subject:
            suspect = collect(
                subject,
                sets,
                Sampling(max_tokens=plan.max_tokens),
                out / REPORT / TRANSCRIPT,
                progress.step("asking the suspect"),
            )
        # A recording is not asked again: it may hold other prompts than the shadows answered.
        shared = len(style_answers(suspect).keys() & style_answers(said).keys())
        if shared < FEWEST:
            raise UsageProblem(
                f"the suspect answered {shared} of the prompts that the shadows were asked, and"
                " twenty are needed",
                where=printable(plan.suspect, 100),
                next_step="record its answers to those, or give the model itself",
            )
        cohort = load_cohort(home / SHADOWS)
        _refuse_a_shadow(plan, suspect, shadows_of(cohort))
        base = _base(plan, suspect, said)
        prompts = prompts_again(plan, home)
        with tempfile.TemporaryDirectory(prefix="auditor-shadow-") as spare:
            names = [
                rung.name
                for rung in shadow_rungs(plan, decision.seeds, decision.n, prompts, Path(spare))
            ]
        left_out = tuple(name for name in names if not finished(home / SHADOWS / name))
        return _reported(
            plan, decision, suspect, base, prompts, left_out, cohort, out / REPORT, keeping
        )


def _refuse_a_shadow(plan: ShadowPlan, suspect: Transcript, shadows: Sequence[Shadow]) -> None:
    """Raises UsageProblem where the suspect is one of the shadows: the map would be fitted on
    it."""
    for shadow in shadows:
        if shadow.kind != "untrained" and suspect.identity.same_weights(shadow.transcript.identity):
            raise UsageProblem(
                f"the suspect is the shadow {printable(shadow.name, 80)!r} itself: its history is"
                " known",
                where=printable(plan.suspect, 100),
                next_step="give another suspect",
            )


def _reported(
    plan: ShadowPlan,
    decision: Decision,
    suspect: Transcript,
    base: Base,
    prompts: PromptSources,
    left_out: tuple[str, ...],
    cohort: Cohort,
    folder: Path,
    keeping: Keeping,
) -> Report:
    said = base.teacher.transcript
    facts = facts_of(plan, decision, suspect, said, prompts, left_out, cohort)
    return keeping(report_of(facts), plan, folder)


def facts_of(
    plan: ShadowPlan,
    decision: Decision,
    suspect: Transcript,
    said: Transcript,
    prompts: PromptSources,
    left_out: tuple[str, ...],
    cohort: Cohort,
) -> Facts:
    """All that a report tells, weighed: nothing is asked. ``said`` is what the base answered."""
    base, shadows = _base(plan, suspect, said), shadows_of(cohort)
    judged = judge(suspect, base.teacher, shadows, plan.names, calibration_name(cohort))
    judged = without_itself(judged, itself_among(plan.names, cohort, suspect.identity))
    sets = [choice.load() for choice in plan.probes]
    without = sensitivity(judged, suspect, base.teacher, shadows, plan.names, sets)
    return Facts(plan, decision, suspect, base, cohort, shadows, prompts, judged, left_out, without)


def earlier_plan(home: Path, suspect: str) -> ShadowPlan:
    """The plan of auditing ``suspect`` with the shadows that lie in an earlier audit's folder.

    Raises UsageProblem for a folder that holds no finished audit.
    """
    if not (home / PLAN).is_file():
        raise UsageProblem(
            "the folder holds no shadow audit",
            where=printable(str(home), 100),
            next_step="give the --out of a finished one",
        )
    plan = plan_again(suspect, ShadowPlan.read(home / PLAN), home)
    earlier_decision(Path(plan.shadows or home))
    return plan


def earlier_decision(home: Path) -> Decision:
    """What a finished audit decided. Raises UsageProblem for one that is not finished,
    MalformedInput for a damaged file."""
    if not ((home / DECISION).is_file() and (home / REPORT / BUNDLE).is_file()):
        raise UsageProblem(
            "that shadow audit is not finished",
            where=printable(str(home), 100),
            next_step="run its command again first",
        )
    return _read_decision(home / DECISION)


def _sets_again(plan: ShadowPlan, said: Transcript) -> list[ProbeSet]:
    """What the shadows were asked: the plan's probes, or the prompts of an earlier suspect's
    recording."""
    if {s.name for s in said.header.probe_sets} != {RECORDED}:
        return [choice.load() for choice in plan.probes]
    probes = tuple(sorted(said.probes.values(), key=lambda p: p.id))
    return [ProbeSet(name=RECORDED, version="1", max_tokens=plan.max_tokens, probes=probes)]


def foreseen(plan: ShadowPlan, folder: Path, at_once: int = 1) -> tuple[Decision, list[ShadowRung]]:
    """What would be done, and what it would cost; only recordings are opened, and nothing is asked.
    ``folder``: for files that are needed on the way, such as an empty temporary one; ``at_once``:
    how many shadows are made at once."""
    recorded = None
    if parse_spec(plan.suspect).kind.recorded:
        with open_subject(plan.suspect) as subject:
            recorded = subject.recorded() if "recorded" in subject.offers else None
    sets = probe_sets_of(plan, recorded)
    prompts = find_prompts(plan, sets, folder, write=False)
    decision = decide(
        costs_of(plan, sets, prompts, at_once=at_once), min(prompts.counts.values(), default=None)
    )
    return decision, shadow_rungs(plan, decision.seeds, decision.n, prompts, folder)


def probe_sets_of(plan: ShadowPlan, recorded: Transcript | None) -> list[ProbeSet]:
    """What suspect, base and shadows are asked: the plan's probes, or a recording's own style-like
    prompts, as many of them.

    Raises UsageProblem for a recording with fewer than twenty such prompts.
    """
    sets = [choice.load() for choice in plan.probes]
    if recorded is None:
        return sets
    probes = sorted(
        (answer.probe for answer in style_answers(recorded).values()), key=lambda p: p.id
    )
    kept = tuple(probes[: sum(len(s.probes) for s in sets)])
    if len(kept) < FEWEST:
        raise UsageProblem(
            f"the suspect's recording answers {len(kept)} style-like prompts, and twenty are"
            " needed",
            where=plan.suspect,
            next_step="record more of its answers, or give the model itself",
        )
    return [ProbeSet(name=RECORDED, version="1", max_tokens=plan.max_tokens, probes=kept)]


def _base(plan: ShadowPlan, suspect: Transcript, said: Transcript) -> Base:
    """The base with its answers: the untrained member of the cohort."""
    if suspect.identity.same_weights(said.identity):
        raise UsageProblem(
            "the base is the suspect itself: equal weight digests",
            where=plan.base,
            next_step="name the model that the suspect was tuned from with --base",
        )
    return Base(Teacher(said.identity.name, "", "", said), plan.base_origin, plan.base)


def _decided(costs: Costs, prompts: PromptSources, out: Path) -> Decision:
    """What the folder holds already, else what the budget carries, written down: a resumed audit
    decides nothing anew."""
    path = out / DECISION
    if path.exists():
        return _read_decision(path)
    decision = decide(costs, min(prompts.counts.values(), default=None))
    write_record(path, decision)
    return decision


def _read_decision(path: Path) -> Decision:
    try:
        return Decision.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise MalformedInput(
            "can't be read as a decision", where=path, next_step="give another --out"
        ) from error


def _held(plan: ShadowPlan, out: Path) -> AbstractContextManager[None]:
    """The audit's folder, made or recognised, held by one process."""

    def recognise(written: Path) -> None:
        """Raises MalformedInput where another plan has begun in the folder."""
        begun = any((out / name).exists() for name in (DECISION, SHADOWS, f"{REPORT}/{TRANSCRIPT}"))
        if ShadowPlan.read(written) != plan and begun:
            raise MalformedInput(
                "the folder holds another shadow audit",
                where=written,
                next_step="give another --out",
            )

    folder = WorkFolder(out, "another process works on this shadow audit", PLAN)
    return folder.held(recognise, plan.to_yaml())
