"""The straight line of a shadow audit: ask the suspect and its base, decide, train, ask the shadows, weigh, tell.

Everything lies in one folder, so that the same call goes on where a killed one stopped: ``report/`` is a report bundle,
``shadows/`` an ordinary cohort.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from auditor.bases import Base
from auditor.controls.cohort import load_cohort
from auditor.controls.likelihoods import write_record
from auditor.controls.train import SILENT, Watch
from auditor.evidence import Report
from auditor.render.bundle import TRANSCRIPT, ready_folder, write_bundle
from auditor.shadow.costs import Costs, Decision, costs_of, decide
from auditor.shadow.growing import Asked, Tell, grow, make
from auditor.shadow.judging import judge
from auditor.shadow.plan import ShadowPlan, read_shadow_plan
from auditor.shadow.prompts import PromptSources, find_prompts
from auditor.shadow.purse import Purse, Spent
from auditor.shadow.reporting import Facts, calibration_name, report_of, shadows_of
from auditor.shadow.rungs import ShadowRung, base_rung, shadow_rungs
from detectors.base import Teacher
from detectors.pairing import style_answers
from fingerprints.collect import Progress, collect
from fingerprints.durable import WriteLock, disk_problem, replacing
from fingerprints.errors import Locked, MalformedInput, UsageProblem
from fingerprints.records import ProbeSet, Sampling
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript

PLAN, DECISION, REPORT, SHADOWS = "plan.yaml", "decision.json", "report", "shadows"


@dataclass(frozen=True)
class Telling:
    """Who is told: of the suspect's answers, of what was decided, of every shadow, and of what happens within one."""

    asking: Progress | None = None
    decided: Callable[[Decision], None] | None = None
    made: Tell | None = None
    watch: Watch = SILENT


QUIET = Telling()


def shadow_audit(plan: ShadowPlan, out: Path, telling: Telling = QUIET) -> Report:
    """Audits the plan's suspect with shadows; writes ``out/report`` and ``out/shadows`` and returns the report.

    Deterministic for greedy sampling on one device, but for times and what the budget leaves out. Raises MalformedInput for
    a folder of another audit, Locked while another process works there, UsageProblem for a budget that carries nothing, and
    the errors of opening, asking and training; what was finished stays.
    """
    with _folder(plan, out):
        ready_folder(out / REPORT)
        with open_subject(plan.suspect) as subject:
            sets = probe_sets_of(plan, subject.recorded() if "recorded" in subject.offers else None)
            asked = Asked(sets, Sampling(max_tokens=plan.max_tokens))
            suspect = collect(subject, sets, asked.sampling, out / REPORT / TRANSCRIPT, telling.asking)
        prompts = find_prompts(plan, sets, out)
        base = _base(plan, asked, suspect, out, telling.watch)
        costs = costs_of(plan, sets, prompts, base.teacher.transcript)
        decision = _decided(costs, prompts, out)
        if telling.decided is not None:
            telling.decided(decision)
        rungs = shadow_rungs(plan, decision.seeds, decision.n, prompts, out)
        tokens, seconds = costs.rung(decision.n)
        purse = Purse.open(plan, out, Spent(seconds=seconds, tokens=round(tokens), trained=True))
        left_out = grow(rungs, asked, out / SHADOWS, purse, telling.watch, telling.made)
        cohort = load_cohort(out / SHADOWS)
        shadows = shadows_of(cohort)
        judged = judge(suspect, base.teacher, shadows, plan.names, calibration_name(cohort))
        facts = Facts(plan, decision, suspect, base, cohort, shadows, prompts, judged, left_out)
        report = report_of(facts)
        write_bundle(report, out / REPORT / TRANSCRIPT, plan.to_yaml(), out / REPORT)
    return report


def foreseen(plan: ShadowPlan, folder: Path) -> tuple[Decision, list[ShadowRung]]:
    """What would be done, and what it would cost; only recordings are opened, and nothing is asked. ``folder``: for files
    that are needed on the way, such as an empty temporary one."""
    recorded = None
    if plan.suspect.startswith("recording:") or Path(plan.suspect).is_file():
        with open_subject(plan.suspect) as subject:
            recorded = subject.recorded() if "recorded" in subject.offers else None
    sets = probe_sets_of(plan, recorded)
    prompts = find_prompts(plan, sets, folder, write=False)
    decision = decide(costs_of(plan, sets, prompts), min(prompts.counts.values(), default=None))
    return decision, shadow_rungs(plan, decision.seeds, decision.n, prompts, folder)


def probe_sets_of(plan: ShadowPlan, recorded: Transcript | None) -> list[ProbeSet]:
    """What suspect, base and shadows are asked: the plan's probes, or a recording's own style-like prompts, as many of them.

    Raises UsageProblem for a recording with fewer than twenty such prompts.
    """
    sets = [choice.load() for choice in plan.probes]
    if recorded is None:
        return sets
    probes = sorted((answer.probe for answer in style_answers(recorded).values()), key=lambda p: p.id)
    kept = tuple(probes[: sum(len(s.probes) for s in sets)])
    if len(kept) < 20:
        raise UsageProblem(
            f"the suspect's recording answers {len(kept)} style-like prompts, and twenty are needed",
            where=plan.suspect,
            next_step="record more of its answers, or give the model itself",
        )
    return [ProbeSet(name="recorded", version="1", max_tokens=plan.max_tokens, probes=kept)]


def _base(plan: ShadowPlan, asked: Asked, suspect: Transcript, out: Path, watch: Watch) -> Base:
    """The base with its answers: the untrained member of the cohort."""
    rung = base_rung(plan)
    said = make(rung, asked, out / SHADOWS / rung.name, watch)
    if suspect.identity.same_weights(said.identity):
        raise UsageProblem(
            "the base is the suspect itself: equal weight digests",
            where=plan.base,
            next_step="name the model that the suspect was tuned from with --base",
        )
    return Base(Teacher(said.identity.name, "", "", said), plan.base_origin, plan.base)


def _decided(costs: Costs, prompts: PromptSources, out: Path) -> Decision:
    """What the folder holds already, else what the budget carries, written down: a resumed audit decides nothing anew."""
    path = out / DECISION
    if path.exists():
        try:
            return Decision.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise MalformedInput("can't be read as a decision", where=path, next_step="give another --out") from error
    decision = decide(costs, min(prompts.counts.values(), default=None))
    write_record(path, decision)
    return decision


@contextmanager
def _folder(plan: ShadowPlan, out: Path) -> Iterator[None]:
    """The audit's folder, made or recognised, held by one process."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        strangers = [p.name for p in sorted(out.iterdir()) if p.name != ".lock"]
    except OSError as error:
        raise disk_problem(error, out) from error
    written = out / PLAN
    if written.exists():
        if read_shadow_plan(written) != plan:
            raise MalformedInput("the folder holds another shadow audit", where=written, next_step="give another --out")
    elif strangers:
        raise MalformedInput("the folder holds other files", where=out / strangers[0], next_step="give a new folder with --out")
    try:
        lock = WriteLock(out / ".lock")
    except Locked as error:
        raise Locked("another process works on this shadow audit", where=out, next_step="wait for it") from error
    try:
        with replacing(written) as file:
            file.write(plan.to_yaml().encode("utf-8"))
        yield
    finally:
        lock.release(remove=True)
