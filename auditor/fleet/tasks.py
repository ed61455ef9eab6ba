"""What a fleet has done by others: a subject asked, or one cell judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from auditor.audits.frame import keep
from auditor.audits.plan import AuditPlan
from auditor.audits.report.bundle import REPORT, ready_folder
from auditor.audits.run_by import run_by
from auditor.evidence.kinds import all_kinds, placed_at
from auditor.evidence.records import Report
from auditor.execution.tasks import WorkTask
from fingerprints.collect import collect, part_of, timestamp
from fingerprints.probes import ProbeChoice
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Record, Sampling, sha256
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import parse_spec
from fingerprints.transcript import Transcript, load_transcript


class Recording(Record):
    """One probe set, asked once: where its answers lie. A recorded subject has one of no set."""

    choice: ProbeChoice | None
    sampling: Sampling
    file: str


class AskTask(WorkTask):
    """A subject to be asked, opened once for all of its probe sets. ``out`` is the fleet's
    folder."""

    out: str
    spec: str
    recordings: tuple[Recording, ...]

    def do(self, progress: Progress = SILENT) -> None:
        """Asks what was not answered yet."""
        _ask(self)

    def leaves(self) -> tuple[Path, ...]:
        """The answers."""
        return tuple(Path(self.out) / one.file for one in self.recordings)


class HeardFrom(Record):
    """Whose answers are not asked for again: the spec, and its recordings."""

    spec: str
    recordings: tuple[Recording, ...]


class JudgeTask(WorkTask):
    """One audit of one suspect: its kind, its plan's fields, the folder of its report, and who was
    asked before. Without a ``lane`` it asks nobody, and waits for nobody's device. ``out`` is the
    fleet's folder; ``operator`` is who runs it, as given: of no account for what it was made
    for. A report that was changed since is never written over: it is its reader's to look at."""

    MENDS: ClassVar[bool] = False

    out: str
    kind: str
    plan: dict[str, Any]
    folder: str
    heard: tuple[HeardFrom, ...] = ()
    operator: str = ""

    def do(self, progress: Progress = SILENT) -> None:
        """Judges, and keeps the report."""
        _judge(self)

    def leaves(self) -> tuple[Path, ...]:
        """The report."""
        return (Path(self.out) / self.folder / REPORT,)


def end_file(out: Path, task_id: str) -> Path:
    """Where it stands that a task of a fleet was done."""
    return out / "ends" / f"{sha256(task_id)[:24]}.json"


def _ask(task: AskTask) -> None:
    with open_subject(task.spec) as subject:
        for one in task.recordings:
            sets = [] if one.choice is None else [one.choice.load()]
            collect(subject, sets, one.sampling, Path(task.out) / one.file)


def _judge(task: JudgeTask) -> None:
    kind = next(k for k in all_kinds() if k.name == task.kind)
    made: type[AuditPlan] = placed_at(kind.plan)
    plan = made.make(task.plan)
    folder = Path(task.out) / task.folder
    ready_folder(folder)
    run: Callable[..., Report] = placed_at(kind.run)
    more = {"heard": _heard(task, plan)} if kind.shares else {}
    began = timestamp()
    keep(run_by(run(plan, folder, **more), task.operator, began), plan, folder)


def _heard(task: JudgeTask, plan: AuditPlan) -> Mapping[str, Transcript]:
    """Everybody's answers to the plan's questions, out of what they were asked for all audits."""
    sets = {one.spec: one for one in plan.asking() or ()}
    out = {}
    for one in task.heard:
        held = [load_transcript(Path(task.out) / r.file) for r in one.recordings]
        recorded = parse_spec(one.spec).kind.recorded
        asked = sets.get(one.spec)
        out[one.spec] = (
            held[0] if recorded or asked is None else part_of(held, asked.sets, asked.sampling)
        )
    return out
