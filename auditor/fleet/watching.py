"""Is an endpoint still the model that it was? Asks every endpoint of a fleet the same few questions
again and again, and keeps a test whose false alarms are bounded over all looks and all endpoints.

A look is a transcript, killed and resumed like any; the state after it is one file. Nothing here
judges whose model it is: only that answers are not drawn as they were.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import log10
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from auditor.execution.order import Executor, do_all
from auditor.execution.tasks import TaskEnd
from auditor.fleet.names_in_turn import ServedNames
from auditor.fleet.plan import FLEET, FleetPlan, FleetSuspect
from auditor.fleet.tasks import AskTask, Recording, end_file
from auditor.fleet.tasks_of import lane_of
from detectors.service.repeated import ANSWERED, said
from detectors.stats.char_kernel import exact, hamming
from detectors.stats.exchangeability import log10_mixed_capital, strangeness_p
from fingerprints.collect import timestamp
from fingerprints.errors import AuditError, MalformedInput
from fingerprints.probes import ProbeChoice
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record, Sampling, sha256
from fingerprints.subjects.spec import parse_spec
from fingerprints.transcript import Transcript, load_transcript

QUESTIONS = ProbeChoice(set="service", head=24)
BASELINE = 8
"""Answers to a question before anything is compared with them."""
MOST_LOOKS = 300
"""Looks of one test: then a new one begins, with the same baseline, since the work of a look grows
with the looks before it."""

ToldOf = Literal["answers", "name", "spec", "turns", "repeats"]
NO_CHANGE: frozenset[ToldOf] = frozenset({"turns", "repeats"})
"""What is told and is no change: it says how far the others can be trusted."""


class WatchedChange(Record):
    """Something that is told of an endpoint at a ``look``: that its answers changed (``log10_e``:
    the capital of the bet; ``needed``: what it had to reach), the name that it answers under, or
    its spec in the plan. No change: it answers under several names in ``turns``; it ``repeats`` its
    answers word for word, so that they may come from a cache (of answers that changed: ``repeated``
    says that they had repeated before)."""

    what: ToldOf
    suspect: str
    look: int
    made: str
    log10_e: float | None = None
    needed: float | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def is_change(self) -> bool:
        """Whether something is otherwise than before."""
        return self.what not in NO_CHANGE


class WatchState(Record):
    """What is known of one endpoint after its last whole look.

    ``looks`` were whole. ``test`` counts the tests so far; ``baseline`` is the look whose answers
    this one begins with and ``began`` the look behind which its own begin; ``p``: the p-values of
    each of these. ``told`` of the ``changes`` were sent on. ``at``: seconds since 1970. ``named``:
    the names that it answered under; ``repeats``: all answers of the baseline to one question were
    one.
    """

    format: Literal["watch/1"] = "watch/1"
    suspect: str
    spec_sha256: str
    looks: Annotated[int, Field(ge=0)] = 0
    test: Annotated[int, Field(ge=1)] = 1
    baseline: int = 1
    began: int = 1
    p: tuple[tuple[float, ...], ...] = ()
    log10_e: float = 0.0
    names: tuple[str, ...] = ()
    named: ServedNames = ServedNames()
    repeats: bool = False
    changes: tuple[WatchedChange, ...] = ()
    told: int = 0
    at: float = 0.0
    problem: str = ""
    exit_code: int = 0


class OpenLook(Record):
    """A look at all endpoints that has not been told yet: of each suspect, how many whole looks
    there were before it, and how many changes were known."""

    format: Literal["watch-look/1"] = "watch-look/1"
    looks: dict[str, int]
    known: dict[str, int]


STATE = RecordFile(WatchState, nothing="not the state of a watch", next_step="move it away")
OPEN = RecordFile(OpenLook, nothing="not a look of a watch", next_step="move it away")


def watched(plan: FleetPlan, path: Path) -> tuple[FleetSuspect, ...]:
    """The suspects that can be watched: what answers from elsewhere, and may be exchanged there.
    Raises MalformedInput where there is none."""
    found = tuple(suspect for suspect in plan.suspects if _is_endpoint(suspect.spec))
    if not found:
        raise FLEET.malformed("suspects: none of them is an endpoint, which could change", path)
    return found


def _is_endpoint(spec: str) -> bool:
    try:
        kind = parse_spec(spec).kind
    except AuditError:
        return False
    return kind.weights is None and not kind.recorded


def needed(alpha: float, endpoints: int, test: int) -> float:
    """log10 of the capital that tells of a change: so that over all endpoints and all their tests,
    for however long, the chance of any false alarm is at most alpha.

    >>> round(needed(0.05, 1, 1), 3)
    1.602
    """
    return log10(endpoints * test * (test + 1) / alpha)


def look(
    plan: FleetPlan,
    path: Path,
    out: Path,
    executor: Executor,
    alpha: float,
    begun: OpenLook,
    progress: Progress = SILENT,
) -> tuple[WatchState, ...]:
    """One look at every endpoint, going on with one that was killed; the states after it.

    An endpoint that can't be asked keeps its state, with the reason; one that was looked at before
    a kill is not asked again; one whose state is damaged is not asked, and its file left as it is.
    Raises MalformedInput for a plan without endpoints.
    """
    suspects = watched(plan, path)
    found, damaged = _states(suspects, out)
    home = str(path.resolve().parent)
    asked = [
        (_task(suspect, state, home, out), state)
        for suspect in suspects
        if (state := found.get(suspect.name)) is not None
        and state.looks == begun.looks.get(suspect.name, state.looks)
    ]
    asking = progress.step("looking")
    tasks = [task for task, _ in asked]
    ends = do_all(tasks, executor, lambda task, end, n: asking(n, len(tasks)))
    for task, state in asked:
        after = _after(state, task, ends[task.id], out, alpha, len(suspects))
        write_record(state_file(out, state.suspect), after)
        found[state.suspect] = after
    return tuple((found | damaged)[suspect.name] for suspect in suspects)


def _states(
    suspects: Sequence[FleetSuspect], out: Path
) -> tuple[dict[str, WatchState], dict[str, WatchState]]:
    """What is known of each endpoint, by name; and, of those whose file is damaged, that."""
    found, damaged = dict[str, WatchState](), dict[str, WatchState]()
    for suspect in suspects:
        try:
            found[suspect.name] = _state(suspect, out)
        except MalformedInput as error:
            damaged[suspect.name] = WatchState(
                suspect=suspect.name,
                spec_sha256=sha256(suspect.spec),
                problem=error.line(),
                exit_code=error.exit_code,
            )
    return found, damaged


def held_states(plan: FleetPlan, path: Path, out: Path) -> dict[str, WatchState]:
    """What earlier looks left, by endpoint; a damaged file is told by the look."""
    found = {}
    for suspect in watched(plan, path):
        file = state_file(out, suspect.name)
        with suppress(MalformedInput):
            if file.is_file():
                found[suspect.name] = STATE.read(file)
    return found


@contextmanager
def open_look(plan: FleetPlan, path: Path, out: Path) -> Iterator[OpenLook]:
    """The look that is under way: one that was killed before its end, or a new one, which is
    written down. It ends with the block, so that whoever is killed in it goes on with it, and tells
    again what may not have been told."""
    file = open_file(out)
    if file.is_file():
        look = OPEN.read(file)
    else:
        held, names = held_states(plan, path, out), [s.name for s in watched(plan, path)]
        look = OpenLook(
            looks={name: held[name].looks if name in held else 0 for name in names},
            known={name: len(state.changes) for name, state in held.items()},
        )
        write_record(file, look)
    yield look
    file.unlink()


def open_file(out: Path) -> Path:
    """Where the look lies that is under way; it is there for so long."""
    return out / "look.json"


def state_file(out: Path, suspect: str) -> Path:
    """Where the state of an endpoint lies."""
    return out / "watch" / suspect / "state.json"


def _state(suspect: FleetSuspect, out: Path) -> WatchState:
    digest, path = sha256(suspect.spec), state_file(out, suspect.name)
    if not path.is_file():
        return WatchState(suspect=suspect.name, spec_sha256=digest)
    found = STATE.read(path)
    if found.spec_sha256 == digest:
        return found
    # The plan asks another address: nothing that was heard before is compared with it.
    change = WatchedChange(
        what="spec", suspect=suspect.name, look=found.looks + 1, made=timestamp()
    )
    forgotten = {"names": (), "named": ServedNames(), "repeats": False}
    return _anew(found, change).model_copy(update={"spec_sha256": digest, **forgotten})


def _anew(state: WatchState, change: WatchedChange) -> WatchState:
    """A new test, whose baseline is asked at the next look."""
    begin = {"test": state.test + 1, "baseline": state.looks + 1, "began": state.looks + 1}
    told = {"p": (), "log10_e": 0.0, "changes": (*state.changes, change)}
    return state.model_copy(update={**begin, **told})


def _file(state: WatchState, number: int) -> str:
    """A look's file; another spec's has another name, so that no half look is gone on with by
    asking somebody else."""
    return f"watch/{state.suspect}/looks/{number:06d}-{state.spec_sha256[:10]}.jsonl"


def _task(suspect: FleetSuspect, state: WatchState, home: str, out: Path) -> AskTask:
    number = state.looks + 1
    samples = BASELINE if number == state.baseline else 1
    # Another seed a look: where a server honours it, the same one would give the same answer.
    sampling = Sampling(temperature=1.0, samples=samples, seed=number * BASELINE)
    recording = Recording(choice=QUESTIONS, sampling=sampling, file=_file(state, number))
    name = f"look/{suspect.name}/{number}"
    return AskTask(
        id=name,
        key=sha256(f"{state.spec_sha256} {number} {samples}"),
        home=home,
        ends=str(end_file(out, name)),
        out=str(out),
        lane=lane_of(suspect.spec),
        spec=suspect.spec,
        recordings=(recording,),
    )


def _after(
    state: WatchState, task: AskTask, end: TaskEnd, out: Path, alpha: float, endpoints: int
) -> WatchState:
    """The state after a look that has ended."""
    if end.exit_code:
        return state.model_copy(update={"problem": end.what, "exit_code": end.exit_code})
    number = state.looks + 1
    heard = load_transcript(out / task.recordings[0].file)
    names = tuple(sorted({r.served_model for r in heard.replies if r.served_model}))
    known = {"looks": number, "at": time.time(), "problem": "", "exit_code": 0, "names": names}
    after = _named(state.model_copy(update=known), state.names)
    if number != state.baseline:
        return _tested(after, heard, out, alpha, endpoints)
    return _repeating(after, heard)


def _named(state: WatchState, before: tuple[str, ...]) -> WatchState:
    """With what the names tell under which it answered now."""
    named, what = state.named.heard(state.looks, state.names, before)
    known = state.model_copy(update={"named": named})
    if what is None:
        return known
    told = {"before": what.before, "after": what.after}
    kind: ToldOf = "turns" if what.turns else "name"
    return _with(known, WatchedChange.model_validate({**_change(kind, known), **told}))


def _repeating(state: WatchState, heard: Transcript) -> WatchState:
    """With whether all answers of a baseline to a question were one: told once."""
    bags = [bag for bag in _bags([heard]).values() if len(bag) > 1]
    repeats = bool(bags) and all(len(set(bag)) == 1 for bag in bags)
    known = state.model_copy(update={"repeats": repeats})
    if not repeats or state.repeats:
        return known
    return _with(known, WatchedChange.model_validate(_change("repeats", known)))


def _change(what: ToldOf, state: WatchState) -> dict[str, object]:
    return {"what": what, "suspect": state.suspect, "look": state.looks, "made": timestamp()}


def _with(state: WatchState, change: WatchedChange) -> WatchState:
    return state.model_copy(update={"changes": (*state.changes, change)})


def _tested(
    state: WatchState, heard: Transcript, out: Path, alpha: float, endpoints: int
) -> WatchState:
    earlier = [state.baseline, *range(state.began + 1, state.looks)]
    bags = _bags([load_transcript(out / _file(state, n)) for n in earlier])
    p = (*state.p, tuple(_p_values(bags, heard, state)))
    capital = float(log10_mixed_capital(p)[-1])
    after = state.model_copy(update={"p": p, "log10_e": capital})
    bound = needed(alpha, endpoints, state.test)
    if capital >= bound:
        told = {"log10_e": capital, "needed": bound, "repeated": state.repeats}
        return _anew(after, WatchedChange.model_validate({**_change("answers", after), **told}))
    if len(p) >= MOST_LOOKS:
        begin = {"test": state.test + 1, "began": state.looks, "p": (), "log10_e": 0.0}
        return after.model_copy(update=begin)
    return after


def _bags(transcripts: Sequence[Transcript]) -> dict[str, list[str]]:
    """What was answered to each question so far, in the order in which it was."""
    out: dict[str, list[str]] = {}
    for heard in transcripts:
        for reply in sorted(heard.replies, key=lambda r: (r.probe_id, r.sample)):
            if reply.status in ANSWERED:
                out.setdefault(reply.probe_id, []).append(said(reply))
    return out


def _p_values(bags: dict[str, list[str]], heard: Transcript, state: WatchState) -> list[float]:
    """A p-value for each question that was answered before and now, in order of the questions."""
    out = []
    for probe, now in sorted(_bags([heard]).items()):
        bag = [*bags.get(probe, ()), now[0]]
        if len(bag) > BASELINE // 2:
            # Drawn by names and numbers alone, so that a resumed look draws the same.
            draw = random.Random(sha256(f"{state.suspect} {state.test} {state.looks} {probe}"))
            out.append(strangeness_p(hamming(bag) + exact(bag), draw.random()))
    return out
