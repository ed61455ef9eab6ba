"""Is an endpoint still the model that it was? Asks every endpoint of a fleet the same few questions
again and again, and keeps a test whose false alarms are bounded over all looks and all endpoints.

A look is a transcript, killed and resumed like any; the state after it is one file. Nothing here
judges whose model it is: only that answers are not drawn as they were.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from math import log10
from pathlib import Path

from auditor.execution.order import Executor, do_all
from auditor.execution.tasks import TaskEnd, lacking
from auditor.fleet.names_in_turn import ServedNames
from auditor.fleet.plan import FLEET, FleetPlan, FleetSuspect
from auditor.fleet.tasks import AskTask, Recording, end_file
from auditor.fleet.tasks_of import lane_of
from auditor.fleet.watch_files import (
    OpenLook,
    ToldOf,
    WatchedChange,
    WatchState,
    kept,
    look_id,
    look_name,
    state_file,
    state_of,
    trouble,
)
from detectors.service.repeated import ANSWERED, said
from detectors.stats.char_kernel import exact, hamming
from detectors.stats.exchangeability import log10_mixed_capital, strangeness_p
from fingerprints.collect import timestamp
from fingerprints.errors import AuditError, MalformedInput
from fingerprints.probes import ProbeChoice
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Sampling, sha256
from fingerprints.subjects.spec import parse_spec
from fingerprints.transcript import Transcript, load_transcript

QUESTIONS = ProbeChoice(set="service", head=24)
BASELINE = 8
"""Answers to a question before anything is compared with them."""
MOST_LOOKS = 300
"""Looks of one test: then a new one begins, with the same baseline, since the work of a look grows
with the looks before it."""
ANEW = (
    "what was known of it is gone: {looks} earlier looks are not compared with, and look {next} is"
    " its new baseline"
)


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
    found, damaged = _states(suspects, out, begun)
    for name, known in found.items():
        if known.looks and not state_file(out, name).is_file():
            progress.say(f"{name}: {ANEW.format(looks=known.looks, next=known.looks + 1)}")
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
        found[state.suspect] = kept(after, state, out)
    return tuple((found | damaged)[suspect.name] for suspect in suspects)


def _states(
    suspects: Sequence[FleetSuspect], out: Path, begun: OpenLook
) -> tuple[dict[str, WatchState], dict[str, WatchState]]:
    """What is known of each endpoint, by name; and, of those whose file is damaged, that."""
    found, damaged = dict[str, WatchState](), dict[str, WatchState]()
    for suspect in suspects:
        try:
            found[suspect.name] = _state(suspect, out, begun.looks.get(suspect.name, 0))
        except MalformedInput as error:
            damaged[suspect.name] = WatchState(
                suspect=suspect.name,
                spec_sha256=sha256(suspect.spec),
                problem=error.line(),
                exit_code=error.exit_code,
            )
    return found, damaged


def _state(suspect: FleetSuspect, out: Path, looks: int) -> WatchState:
    digest, found = sha256(suspect.spec), state_of(suspect, out, looks)
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


def _task(suspect: FleetSuspect, state: WatchState, home: str, out: Path) -> AskTask:
    return _look_task(state, suspect.spec, state.looks + 1, home, out)


def _look_task(state: WatchState, spec: str, number: int, home: str, out: Path) -> AskTask:
    samples = BASELINE if number == state.baseline else 1
    # Another seed a look: where a server honours it, the same one would give the same answer.
    sampling = Sampling(temperature=1.0, samples=samples, seed=number * BASELINE)
    recording = Recording(choice=QUESTIONS, sampling=sampling, file=look_name(state, number))
    name = look_id(state.suspect, number)
    return AskTask(
        id=name,
        key=sha256(f"{state.spec_sha256} {number} {samples}"),
        home=home,
        ends=str(end_file(out, name)),
        out=str(out),
        lane=lane_of(spec),
        spec=spec,
        recordings=(recording,),
    )


def _after(
    state: WatchState, task: AskTask, end: TaskEnd, out: Path, alpha: float, endpoints: int
) -> WatchState:
    """The state after a look that has ended; as before, with the reason, where it can't be compared
    with earlier ones."""
    if end.exit_code:
        return state.model_copy(update=trouble(end.what, end.exit_code))
    try:
        return _compared(state, task, out, needed(alpha, endpoints, state.test))
    except AuditError as error:
        return state.model_copy(update=trouble(error.line(), error.exit_code, uncompared=True))


def _compared(state: WatchState, task: AskTask, out: Path, bound: float) -> WatchState:
    number = state.looks + 1
    heard = load_transcript(out / task.recordings[0].file)
    names = tuple(sorted({r.served_model for r in heard.replies if r.served_model}))
    known = {"looks": number, "at": time.time(), "names": names, **trouble("", 0)}
    after = _named(state.model_copy(update=known), state.names)
    if number != state.baseline:
        return _tested(after, heard, _earlier(after, task, out), bound)
    return _repeating(after, heard)


def _earlier(state: WatchState, task: AskTask, out: Path) -> list[Transcript]:
    """The looks that the newest is compared with, all of their answers. Raises MalformedInput where
    one is damaged, gone or was cut short: to go on with fewer would tell a change later, and
    nobody why."""
    found = []
    for number in (state.baseline, *range(state.began + 1, state.looks)):
        earlier = _look_task(state, task.spec, number, task.home, out)
        file = out / earlier.recordings[0].file
        step = f"put it back, or move {file.parent.parent} away: it is then watched anew"
        if lost := lacking(earlier):
            raise MalformedInput(f"look {number}: {lost}", next_step=step)
        try:
            found.append(load_transcript(file))
        except AuditError as error:
            raise MalformedInput(
                f"look {number}: {error.what}", where=file, next_step=step
            ) from error
    return found


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
    state: WatchState, heard: Transcript, earlier: Sequence[Transcript], bound: float
) -> WatchState:
    p = (*state.p, tuple(_p_values(_bags(earlier), heard, state)))
    capital = float(log10_mixed_capital(p)[-1])
    after = state.model_copy(update={"p": p, "log10_e": capital})
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
