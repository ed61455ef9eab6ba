"""Asks a subject a list of probe sets and keeps what it says: Subject × ProbeSet → Transcript.

Resumes from the journal, asks nothing twice, and loses at most the answers in flight.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fingerprints.adjustments import TOLD_OF
from fingerprints.errors import Incomplete, MalformedInput, printable
from fingerprints.journal import TranscriptWriter
from fingerprints.probes import reference
from fingerprints.progress import SILENT, Progress, Told
from fingerprints.records import (
    Identity,
    Probe,
    ProbeSet,
    Reply,
    Request,
    Sampling,
    Status,
)
from fingerprints.subjects.base import Subject
from fingerprints.subjects.naming import other_model
from fingerprints.transcript import Header, Reading, Transcript

Key = tuple[str, str, int]
"""Probe, arm, sample."""

WORST_ERROR_SHARE = 0.2
"""Above it the endpoint fails, not single calls; five failures are allowed however short the
plan."""
STOPPED = "stopped"
"""The kind of event that says why a transcript was ended before all was asked."""


@dataclass(frozen=True)
class Stop:
    """When to stop before all is asked: the order of asking, how many answers between two looks,
    and whether it is enough.

    ``order`` is a sort key of requests that must not depend on any answer.
    """

    order: Callable[[Request], tuple[object, ...]]
    enough: Callable[[Transcript], bool]
    every: int = 16


DRIFTING: tuple[tuple[str, Callable[[Reply], str | None]], ...] = (
    ("model", lambda reply: reply.served_model),
    ("build", lambda reply: reply.system_fingerprint),
)
"""What an endpoint says of itself with every answer: a change during a run is an event."""

NEGOTIATED, OTHER_MODEL, THOUGHTS_ONLY = "negotiated", "other_model", "thoughts_only"
"""Kinds of events that tell how an endpoint was really asked, under whose name it answered, and
that thoughts took all the room of an answer."""
WORST_REJECTED_SHARE = 0.2
"""Above it the endpoint rejects the way it is asked, not the questions."""
REJECTED_AT_FIRST = 5
"""So many rejected and none answered say the same, however long the plan is."""


def requests_for(probe_sets: Sequence[ProbeSet], sampling: Sampling) -> list[Request]:
    """Every request of a plan: probes × arms × samples, in the order of the sets."""
    return [
        Request(
            probe=probe,
            arm=arm,
            sample=sample,
            seed=sampling.seed + sample,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=min(probe_set.max_tokens, sampling.max_tokens or probe_set.max_tokens),
        )
        for probe_set in probe_sets
        for probe in probe_set.probes
        for arm in probe_set.arms
        for sample in range(sampling.samples)
    ]


def collect(
    subject: Subject,
    probe_sets: Sequence[ProbeSet],
    sampling: Sampling,
    into: Path,
    progress: Progress = SILENT,
    stop: Stop | None = None,
    most_rejected: float = WORST_REJECTED_SHARE,
) -> Transcript:
    """Asks everything that ``into`` does not hold yet, and returns the whole transcript.

    With ``stop`` it looks after every so many answers, and ends the transcript, with an event, once
    that is enough.

    A recording is copied as it is, its events too, and stays incomplete where it was. A question
    that an endpoint rejected is kept as that and not asked again, unless over a share
    ``most_rejected`` of all were. Raises Incomplete when the subject stops answering, when more
    than a fifth of the requests fail or more than that share are rejected (the journal keeps every
    answer; the same call resumes), MalformedInput when ``into`` records another plan, and
    ResourceLimit on a full disk.
    """
    if subject.remark:
        progress.say(subject.remark)
    if "recorded" in subject.offers:
        return copied(subject.recorded(), into)
    requests = requests_for(probe_sets, sampling)
    probes = [probe for probe_set in probe_sets for probe in probe_set.probes]
    with TranscriptWriter(into, header_of(subject, probe_sets, sampling), probes) as writer:
        if stop is None:
            _ask(subject, requests, writer, progress, most_rejected=most_rejected)
        else:
            _ask_until(subject, requests, writer, progress, stop)
        return writer.transcript()


def _ask(
    subject: Subject,
    requests: Sequence[Request],
    writer: TranscriptWriter,
    progress: Told,
    whole: bool = True,
    most_rejected: float = WORST_REJECTED_SHARE,
) -> None:
    settled = _settled(requests, writer.done, most_rejected)
    todo = [r for r in requests if r.key not in settled]
    rejected = sum(reply.status is Status.REJECTED for reply in settled.values())
    done, failed = len(requests) - len(todo), 0
    watch = _Watched.of(subject, writer)
    progress(done, len(requests))
    for reply in subject.generate(todo):
        writer.add(reply)
        done += 1
        failed += reply.status is Status.ERROR
        rejected += reply.status is Status.REJECTED
        watch.look(reply)
        progress(done, len(requests))
        if failed > max(5, WORST_ERROR_SHARE * len(requests)):
            raise Incomplete(
                f"{failed} of {done} requests failed, the last with: {reply.error}",
                where=subject.spec,
                next_step="mend the endpoint and run the same command again to resume",
            )
        if _too_many(rejected, done - failed - rejected, len(requests), most_rejected):
            told = printable(reply.error or "", 160)
            raise Incomplete(
                f"{rejected} of {len(requests)} questions were rejected by the endpoint,"
                f" {reply.probe_id} with {told!r}",
                where=subject.spec,
                next_step="mend the endpoint or its options, or take these questions out, and run"
                " the same command again",
            )
    # A footer is final: while a request is left to ask again there is none.
    if whole and done == len(requests) and not failed:
        writer.finish()


@dataclass
class _Watched:
    """What an endpoint said of itself and how it had to be asked, so far; what is new to the run
    becomes an event."""

    writer: TranscriptWriter
    asked_by: str | None
    drift: list[set[str]]
    told: set[tuple[str, str]]

    @classmethod
    def of(cls, subject: Subject, writer: TranscriptWriter) -> _Watched:
        """What the answers that are there already told."""
        held, identity = writer.done.values(), subject.identity
        drift = [{name for reply in held if (name := told(reply))} for _, told in DRIFTING]
        events = {(event.kind, event.detail) for event in writer.transcript().events}
        asked_by = identity.name if identity.kind == "endpoint" else None
        return cls(writer, asked_by, drift, events)

    def look(self, reply: Reply) -> None:
        """Notes what this reply is the first to tell."""
        for (what, told), known in zip(DRIFTING, self.drift, strict=True):
            name = told(reply)
            if name and name not in known:
                known.add(name)
                if len(known) > 1:
                    self.writer.event("drift", f"the endpoint now calls its {what} {name!r}")
        for adjusted in reply.adjusted:
            self._once(NEGOTIATED, TOLD_OF[adjusted])
        served = reply.served_model
        # Told of the first other name only: further ones are drift, and may be as many as answers.
        named = any(kind == OTHER_MODEL for kind, _ in self.told)
        if self.asked_by and served and not named and other_model(self.asked_by, served):
            said = f"asked for {self.asked_by!r}, the endpoint answers as {served!r}"
            self._once(OTHER_MODEL, said)
        if reply.status is Status.EMPTY and reply.error:
            self._once(THOUGHTS_ONLY, f"some answers are empty: {reply.error}")

    def _once(self, kind: str, detail: str) -> None:
        if (kind, detail) not in self.told:
            self.told.add((kind, detail))
            self.writer.event(kind, detail)


def _settled(
    requests: Sequence[Request], held: Mapping[Key, Reply], most_rejected: float
) -> dict[Key, Reply]:
    """What needs no asking: the answers, and the rejected questions while these are few enough
    to be their own fault."""
    found = {r.key: held[r.key] for r in requests if r.key in held}
    answered = {key: reply for key, reply in found.items() if reply.status is not Status.REJECTED}
    many = _too_many(len(found) - len(answered), len(answered), len(requests), most_rejected)
    return answered if many else found


def _too_many(rejected: int, answered: int, of: int, share: float) -> bool:
    return rejected > share * of or (rejected >= REJECTED_AT_FIRST and not answered)


def _ask_until(
    subject: Subject,
    requests: Sequence[Request],
    writer: TranscriptWriter,
    progress: Progress,
    stop: Stop,
) -> None:
    """Asks in rounds. A resumed run looks first: what is held may be enough."""
    todo = sorted(requests, key=stop.order)
    asked = sum(r.key in writer.done for r in requests)
    while any(r.key not in writer.done for r in todo):
        if asked and stop.enough(writer.transcript()):
            if not writer.finished:
                writer.event(STOPPED, f"enough after {asked} of {len(requests)} questions")
                writer.finish()
            return
        part = [r for r in todo if r.key not in writer.done][: stop.every]
        before = len(writer.done)
        _ask(subject, part, writer, _further(progress, asked, len(requests)), whole=False)
        asked += len(part)
        if len(writer.done) == before:
            break
    if all(r.key in writer.done for r in requests):
        writer.finish()


def _further(progress: Told, before: int, total: int) -> Told:
    """The progress of a round as that of the whole."""
    return lambda done, _: progress(before + done, total)


def header_of(subject: Subject, probe_sets: Sequence[ProbeSet], sampling: Sampling) -> Header:
    """The header of a transcript that begins now: who is asked what, and how."""
    return Header(
        spec=subject.spec,
        identity=subject.identity,
        sampling=sampling,
        probe_sets=tuple(reference(s) for s in probe_sets),
        created=timestamp(),
    )


def answered_in(path: Path) -> frozenset[Key]:
    """What a run that goes on in a journal asks no more; none where there is no such file. Raises
    MalformedInput for a damaged one."""
    if not path.is_file():
        return frozenset()
    held = Reading().read(path).replies
    return frozenset(key for key, reply in held.items() if reply.status is not Status.ERROR)


def part_of(
    held: Sequence[Transcript], probe_sets: Sequence[ProbeSet], sampling: Sampling
) -> Transcript:
    """What asking these sets so would have given, of transcripts of one subject that hold as much
    and more: those answers, their probes and all events. Complete where every request was answered.

    Raises ValueError for none, for answers that were drawn otherwise, and MalformedInput where the
    transcripts are of different subjects.
    """
    if not held or any(one.header.sampling != sampling for one in held):
        raise ValueError("answers that were drawn otherwise are no part of these")
    first = held[0].header
    if any(_without_notes(one) != _without_notes(held[0]) for one in held):
        raise MalformedInput(
            "the subject was another one between two probe sets",
            where=first.spec,
            next_step="ask it again in a new folder",
        )
    replies = {reply.key: reply for one in held for reply in one.replies}
    keys = [request.key for request in requests_for(probe_sets, sampling)]
    found = tuple(replies[key] for key in sorted(set(keys)) if key in replies)
    header = first.model_copy(update={"probe_sets": tuple(reference(s) for s in probe_sets)})
    asked = {probe.id: probe for one in probe_sets for probe in one.probes}
    events = tuple(dict.fromkeys(event for one in held for event in one.events))
    whole = len(found) == len(set(keys)) and not any(r.status is Status.ERROR for r in found)
    return Transcript(header, asked, found, events, whole)


def _without_notes(transcript: Transcript) -> Identity:
    return transcript.identity.model_copy(update={"notes": ()})


def copied(transcript: Transcript, into: Path) -> Transcript:
    """Writes a transcript that is there already into a journal, and returns what that holds. Killed
    on the way, the same call goes on. Raises MalformedInput where ``into`` records another run."""
    probes: list[Probe] = list(transcript.probes.values())
    with TranscriptWriter(into, transcript.header, probes) as writer:
        for reply in transcript.replies:
            if reply.key not in writer.done:
                writer.add(reply)
        told = set(writer.transcript().events)
        for event in transcript.events:
            if event not in told:
                writer.event(event.kind, event.detail)
        if transcript.complete:
            writer.finish()
        return writer.transcript()


def timestamp() -> str:
    """The time in UTC to the second; SOURCE_DATE_EPOCH, where set, stands for now (reproducible
    bundles)."""
    now = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
