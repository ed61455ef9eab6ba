"""Recorded answers as a subject: a file of somebody's answers becomes a transcript that detectors
read.

Knows rows and probes. Doesn't know who really gave the answers: the provenance of a recording is
claimed, not observed.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import bundled_probe_sets, load_probe_set
from fingerprints.records import Arm, Identity, Probe, Reply, Request, Status
from fingerprints.subjects.base import Subject
from fingerprints.subjects.formats import rows_in
from fingerprints.subjects.kinds import RECORDINGS, SubjectSpec
from fingerprints.subjects.packed import open_regular
from fingerprints.subjects.rows import RecordedRow
from fingerprints.transcript import Event, Header, Transcript, is_transcript, load_transcript

CLAIMED = "provenance of recorded answers is claimed, not observed"
FIRST_SETS = ("identity", "leading", "style", "choices", "openings", "policy", "service")
NAMES_SHOWN = 5


class RecordedSubject(Subject):
    """Answers from a file: given whole, or one by one to requests with their prompt."""

    def __init__(self, spec: str, transcript: Transcript) -> None:
        self.spec = spec
        self.identity = transcript.identity
        self.offers = frozenset({"recorded"})
        self._transcript = transcript

    @functools.cached_property
    def _asked(self) -> dict[str, list[Reply]]:
        digests = {probe.id: probe.prompt_sha256() for probe in self._transcript.probes.values()}
        out: dict[str, list[Reply]] = {}
        for reply in self._transcript.replies:
            if reply.probe_id in digests:
                out.setdefault(digests[reply.probe_id], []).append(reply)
        return out

    def recorded(self) -> Transcript:
        """Every answer of the file."""
        return self._transcript

    def generate(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """The recorded answer to each request with the same prompt, arm and sample, in order.

        Where the record doesn't say under which system prompt it was made, its answer counts for
        every arm and says so by the arm ``recorded``. A request that the file doesn't hold yields
        status ``error``.
        """
        for request in requests:
            yield self._answer(request)

    def _answer(self, request: Request) -> Reply:
        held = self._asked.get(request.probe.prompt_sha256(), ())
        for arm in (request.arm, Arm.RECORDED):
            for reply in held:
                if reply.arm is arm and reply.sample == request.sample:
                    return reply.model_copy(update={"probe_id": request.probe.id})
        return request.reply(Status.ERROR, error="not in the recording")


def open_recording(spec: SubjectSpec) -> RecordedSubject:
    """The subject that ``recording:PATH`` names: a transcript as it is, anything else by its rows.

    Options: ``model=NAME`` chooses one of several models; ``format=transcript`` or ``format=rows``
    insists on one form. Raises MalformedInput for a file that is missing, empty, of several models
    or not readable to its end, UsageProblem for an option that doesn't fit.
    """
    path, model, form = Path(spec.target), spec.options.get("model"), spec.options.get("format")
    if form not in (None, "transcript", "rows"):
        said = f"no format is called {printable(form, 40)!r}"
        raise UsageProblem(said, where="format=", next_step="use transcript or rows")
    with open_regular(path) as file:
        if form != "rows" and is_transcript(path):
            return _ours(str(spec), path, model)
        if form == "transcript":
            raise MalformedInput("not a transcript", where=path, next_step="leave out format=")
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        return RecordedSubject(str(spec), _read(file, path, str(spec), model, digest))


def _ours(spec: str, path: Path, model: str | None) -> RecordedSubject:
    transcript = load_transcript(path)
    if model not in (None, transcript.identity.name):
        raise MalformedInput(
            f"the transcript is of {printable(transcript.identity.name, 60)!r}",
            where=path,
            next_step="leave out model=",
        )
    return RecordedSubject(spec, transcript)


def _read(
    file: io.BufferedReader, path: Path, spec: str, model: str | None, digest: str
) -> Transcript:
    rows = rows_in(file, path)
    tally = RecordingTally()
    for row in rows if model is None else (row for row in rows if row.model == model):
        if row.model not in tally.models and tally.models:
            raise _mixed(path, [*tally.models, row.model, *(r.model for r in rows)])
        tally.add(row)
    if not tally.models:
        raise _unnamed(path, model)
    name = next(iter(tally.models)) or model_of_file(path)
    identity = Identity(kind="recording", name=name, recording_sha256=digest, notes=(CLAIMED,))
    return transcript_of(tally, Header(spec=spec, identity=identity))


def model_of_file(path: Path) -> str:
    """Whom a file of recorded answers is named after: its name without the endings of such files.

    >>> model_of_file(Path("gpt-3.5-turbo.jsonl.gz"))
    'gpt-3.5-turbo'
    """
    # Other dots belong to the name: gpt-3.5-turbo and gpt-3.5 are two models.
    name = Path(path.name)
    while name.suffix in RECORDINGS:
        name = Path(name.stem)
    return str(name)


def _mixed(path: Path, seen: Iterable[str | None]) -> MalformedInput:
    names = sorted({"(no name)" if name is None else name for name in seen})
    shown = ", ".join(printable(name, 40) for name in names[:NAMES_SHOWN])
    more = ", …" if len(names) > NAMES_SHOWN else ""
    return MalformedInput(
        f"it holds answers of {len(names)} models: {shown}{more}",
        where=path,
        next_step=f"choose one: recording:{path.name},model=NAME",
    )


def _unnamed(path: Path, model: str | None) -> MalformedInput:
    with open_regular(path) as file:
        names = sorted({row.model for row in rows_in(file, path) if row.model is not None})
    shown = ", ".join(printable(name, 40) for name in names[:NAMES_SHOWN])
    known = f"some that it has: {shown}" if names else "it names no models"
    said = f"it has no answer of {printable(model or '', 60)!r}"
    return MalformedInput(said, where=path, next_step=known)


@dataclass
class RecordingTally:
    """What rows add up to: probes, replies, and how many rows were twins or clashed.

    A row without a sample number takes the next free one; it is a twin, and dropped, when its
    answer is already there for the same prompt and arm. A numbered row is a twin when its number is
    taken by the same answer.
    """

    probes: dict[str, Probe] = field(default_factory=dict)
    replies: dict[tuple[str, str, int], Reply] = field(default_factory=dict)
    models: dict[str | None, int] = field(default_factory=dict)
    twins: int = 0
    renumbered: int = 0
    clashing_ids: int = 0
    given: int = 0
    left_out: int = 0
    _known: dict[tuple[object, ...], str] = field(default_factory=dict)
    _texts: dict[tuple[str, Arm], dict[str, int]] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    def add(self, row: RecordedRow) -> None:
        """Takes one row in."""
        self.models[row.model] = self.models.get(row.model, 0) + 1
        self.given, self.left_out = self.given + row.given, self.left_out + row.left_out
        probe_id = self._probe_id(row)
        if row.id is not None and self._ids.setdefault(row.id, probe_id) != probe_id:
            self.clashing_ids += 1
        texts = self._texts.setdefault((probe_id, row.arm), {})
        sample = row.sample
        if sample is None and row.answer in texts:
            self.twins += 1
            return
        taken = self.replies.get((probe_id, row.arm.value, -1 if sample is None else sample))
        if taken is not None:
            if taken.text == row.answer:
                self.twins += 1
                return
            self.renumbered += 1
            sample = None
        if sample is None:
            sample = self._free(probe_id, row.arm, len(texts))
        texts.setdefault(row.answer, sample)
        reply = row.reply(probe_id, sample)
        self.replies[reply.key] = reply

    def _free(self, probe_id: str, arm: Arm, start: int) -> int:
        while (probe_id, arm.value, start) in self.replies:
            start += 1
        return start

    def _probe_id(self, row: RecordedRow) -> str:
        asked = (row.form, row.prompt, *row.history) if row.history else (row.form, row.prompt)
        known = self._known.get(asked)
        if known is None:
            probe = _bundled_probe(row) or _as_the_bank_asks(row) or row.probe()
            self.probes[probe.id] = probe
            known = self._known[asked] = probe.id
        return known

    def events(self) -> tuple[Event, ...]:
        """What a reader must know about the rows that are not there as they were."""
        repeat = "repeat an answer to the same prompt and were left out"
        claim = "claim a sample number that another answer has; they got the next free one"
        share = "share their id with a row of another prompt"
        counted = (
            ("duplicates", self.twins, repeat),
            ("renumbered", self.renumbered, claim),
            ("conflicting_ids", self.clashing_ids, share),
        )
        told = [Event(kind=kind, detail=f"{n} rows {do}") for kind, n, do in counted if n]
        given = "turns of an assistant stand in requests: context, and nobody's observed answers"
        left = (
            "turns of an assistant were not taken: no user's turn before them, or too long a chat"
        )
        for kind, n, said in (("given_turns", self.given, given), ("turns", self.left_out, left)):
            told += [Event(kind=kind, detail=f"{n} {said}")] if n else []
        return tuple(told)


def _bundled_probe(row: RecordedRow) -> Probe | None:
    """The bundled probe that asks what the row was asked, if there is one.

    Recordings seldom say which form they were asked in, so that a chat row may also be an answer to
    a bundled completion.
    """
    text = " ".join(row.prompt.split())
    found = [probe for probe in _bundled().get(text, ()) if probe.history == row.history]
    for form in ("chat", "completion") if row.form == "chat" and not row.history else (row.form,):
        for probe in found:
            if (probe.form == "completion") == (form == "completion"):
                return probe
    return None


def _as_the_bank_asks(row: RecordedRow) -> Probe | None:
    """A question of the bank about who the model is, asked under a system prompt: a probe of its
    own, of the bank's kind and question."""
    if row.form != "chat" or [turn.role for turn in row.history] != ["system"]:
        return None
    bare = _bundled_probe(replace(row, history=()))
    if bare is None or bare.kind not in ("identity", "leading"):
        return None
    kept = {"kind", "question", "topic", "language", "vendor", "jurisdiction"}
    return row.probe().model_copy(update={name: getattr(bare, name) for name in kept})


@functools.cache
def _bundled() -> dict[str, list[Probe]]:
    """The bundled probes by their prompt, its white space evened out as for its digest; the
    first set's come first."""
    here = bundled_probe_sets()
    first = [name for name in FIRST_SETS if name in here]
    out: dict[str, list[Probe]] = {}
    for name in dict.fromkeys((*first, *here)):
        for probe in load_probe_set(name).probes:
            out.setdefault(" ".join(probe.prompt().split()), []).append(probe)
    return out


def transcript_of(tally: RecordingTally, header: Header) -> Transcript:
    """The rows of one model as a complete transcript under the given header."""
    replies = tuple(tally.replies[key] for key in sorted(tally.replies))
    return Transcript(header, tally.probes, replies, tally.events(), True)
