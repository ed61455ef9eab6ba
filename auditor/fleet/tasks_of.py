"""From cells to tasks: who is asked what, once for all audits; and which audits wait for whom.

Decides lanes: what runs on one device, or asks one endpoint, does so one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from auditor.audits.inheritance.base_model import base_spec, reads_base
from auditor.audits.inheritance.plan import Plan
from auditor.audits.plan import AuditPlan
from auditor.fleet.cells import Cell
from auditor.fleet.inputs import plan_state, state_of
from auditor.fleet.tasks import AskTask, HeardFrom, JudgeTask, Recording, end_file
from detectors.base import Detector
from detectors.registry import load_detector
from fingerprints.errors import AuditError
from fingerprints.probes import ProbeChoice
from fingerprints.records import Sampling, canonical_json, sha256
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.spec import parse_spec

BASES = "bases"
KEY = 10


@dataclass(frozen=True)
class FleetTasks:
    """All tasks, in an order in which each stands behind what it needs; and the judging one of each
    cell that has a plan."""

    tasks: tuple[AskTask | JudgeTask, ...]
    of_cell: dict[int, JudgeTask]

    def run_by(self, operator: str) -> FleetTasks:
        """The same tasks, whose reports say who ran them."""
        told = {
            task.id: task.model_copy(update={"operator": operator})
            for task in self.of_cell.values()
        }
        return FleetTasks(
            tuple(told.get(task.id, task) for task in self.tasks),
            {cell: told[task.id] for cell, task in self.of_cell.items()},
        )


@dataclass
class _Questions:
    """What one subject is asked for all of its audits: by set and arms the longest head, for each
    way of sampling."""

    spec: str
    folder: str
    recorded: bool
    wanted: dict[tuple[str, str], tuple[ProbeChoice, Sampling]] = field(default_factory=dict)

    def add(self, choice: ProbeChoice, sampling: Sampling) -> tuple[str, str]:
        """Notes that a set is wanted, and returns under what it is found again."""
        arms = canonical_json([choice.set, list(choice.arms or ())]).decode()
        key = (arms, sampling.digest())
        known = self.wanted.get(key)
        if known is None or _longer(choice, known[0]):
            self.wanted[key] = (choice, sampling)
        return key

    def recording(self, key: tuple[str, str]) -> Recording:
        """Where the answers to a set lie. A changed file or another head is another recording."""
        choice, sampling = self.wanted[key]
        said = [choice.model_dump(mode="json"), sampling.digest(), state_of(self.spec)]
        return self._at(choice, sampling, sha256(canonical_json(said)))

    def whole(self, sampling: Sampling) -> Recording:
        """Where the copy of a recorded subject lies."""
        return self._at(None, sampling, sha256(canonical_json(state_of(self.spec))))

    def _at(self, choice: ProbeChoice | None, sampling: Sampling, digest: str) -> Recording:
        file = f"{self.folder}/{digest[: 2 * KEY]}.jsonl"
        return Recording(choice=choice, sampling=sampling, file=file)


def _longer(one: ProbeChoice, other: ProbeChoice) -> bool:
    return other.head is not None and (one.head is None or one.head > other.head)


def tasks_of(cells: Sequence[Cell], home: Path, out: Path) -> FleetTasks:
    """The tasks of a fleet in ``out``. ``home`` is where relative paths begin, and the folder that
    this is called in."""
    asked: dict[str, _Questions] = {}
    heard: list[list[tuple[_Questions, list[tuple[str, str]]]]] = []
    for cell in cells:
        heard.append(_wanted(cell, asked))
    asks = {spec: _ask_task(one, home, out) for spec, one in asked.items()}
    stores: dict[str, str] = {}
    judges = {
        number: _judge_task(cell, heard[number], asks, home, out, stores)
        for number, cell in enumerate(cells)
        if cell.plan is not None
    }
    # Bases first: each is waited for by many.
    bases = [t for t in asks.values() if t.id.startswith(f"{BASES}/")]
    others = [t for t in asks.values() if not t.id.startswith(f"{BASES}/")]
    return FleetTasks((*bases, *others, *judges.values()), judges)


def _wanted(
    cell: Cell, asked: dict[str, _Questions]
) -> list[tuple[_Questions, list[tuple[str, str]]]]:
    """Notes what a cell wants to be asked, of whom; nothing for kinds that ask themselves."""
    plan = cell.plan
    if not (cell.kind.shares and isinstance(plan, Plan)):
        return []
    suspect = _questions(cell.spec, f"asked/{cell.suspect.name}", asked)
    found = [(suspect, [suspect.add(choice, plan.sampling) for choice in plan.probes])]
    base = _base_of(plan)
    # What recorded answers answered is found when they are read: their base is asked then.
    if base is not None and not suspect.recorded:
        below = _questions(base, f"{BASES}/{sha256(base)[:KEY]}", asked)
        found.append((below, [below.add(choice, plan.sampling) for choice in plan.probes]))
    return found


def _questions(spec: str, folder: str, asked: dict[str, _Questions]) -> _Questions:
    if spec not in asked:
        asked[spec] = _Questions(spec, folder, _recorded(spec))
    return asked[spec]


def _base_of(plan: Plan) -> str | None:
    """The base that the audit would ask, where its spec says so."""
    try:
        named = base_spec(plan)
    except AuditError:
        return None  # the suspect's spec is told of when it is opened
    wanted = named is not None and named[1] == "user"
    return named[0] if named is not None and wanted else None


def _recorded(spec: str) -> bool:
    parsed = _parsed(spec)
    return parsed is not None and parsed.kind.recorded


def _parsed(spec: str) -> SubjectSpec | None:
    try:
        return parse_spec(spec)
    except AuditError:
        return None


def _ask_task(one: _Questions, home: Path, out: Path) -> AskTask:
    recordings = (
        (one.whole(Sampling()),) if one.recorded else tuple(one.recording(k) for k in one.wanted)
    )
    key = sha256(canonical_json([one.spec, [r.file for r in recordings]]))
    lane = lane_of(one.spec)
    return AskTask(
        id=one.folder,
        key=key,
        home=str(home),
        ends=str(end_file(out, one.folder)),
        out=str(out),
        lane=lane,
        device=device_of(lane),
        spec=one.spec,
        recordings=recordings,
    )


def _judge_task(
    cell: Cell,
    heard: list[tuple[_Questions, list[tuple[str, str]]]],
    asks: dict[str, AskTask],
    home: Path,
    out: Path,
    stores: dict[str, str],
) -> JudgeTask:
    if cell.plan is None:
        raise ValueError("a cell without a plan is no task")
    values = cell.plan.told()
    key = sha256(plan_state(values, stores) + "".join(asks[q.spec].key for q, _ in heard))
    told = tuple(
        HeardFrom(
            spec=questions.spec,
            recordings=(
                asks[questions.spec].recordings
                if questions.recorded
                else tuple(dict.fromkeys(questions.recording(k) for k in keys))
            ),
        )
        for questions, keys in heard
    )
    name = f"{cell.suspect.name}/{cell.audit.name}-{key[:KEY]}"
    lane = _judging_lane(cell, cell.plan)
    return JudgeTask(
        id=f"reports/{name}",
        key=key,
        home=str(home),
        ends=str(end_file(out, f"reports/{name}")),
        out=str(out),
        lane=lane,
        device=device_of(lane),
        needs=tuple(dict.fromkeys(asks[q.spec].id for q, _ in heard)),
        kind=cell.kind.name,
        plan=values,
        folder=f"reports/{name}",
        heard=told,
    )


def _judging_lane(cell: Cell, plan: AuditPlan) -> str:
    """The suspect's lane where judging opens it; none where records are enough."""
    if isinstance(plan, Plan):
        reads = [load_detector(name) for name in plan.detectors]
        scores = any(type(d).next_texts is not Detector.next_texts for d in reads)
        return lane_of(cell.spec) if scores or reads_base(plan.detectors) else ""
    asked: Iterable[object] | None = plan.asking()
    return "" if asked is not None and not tuple(asked) else lane_of(cell.spec)


def device_of(lane: str) -> Literal["none", "whole"]:
    """What a model in a lane takes of a cluster's GPUs: one of its own where it was placed on
    CUDA."""
    return "whole" if lane.startswith("device:cuda") else "none"


def lane_of(spec: str) -> str:
    """What a subject shares with others while it is asked: a device, or an endpoint's address;
    nothing for recordings, and for what can't be opened."""
    parsed = _parsed(spec)
    if parsed is None or parsed.kind.recorded:
        return ""
    if "device" in parsed.kind.options:
        return f"device:{parsed.options.get('device', 'auto')}"
    return f"{parsed.scheme} {parsed.options.get('base_url', parsed.options.get('region', ''))}"
