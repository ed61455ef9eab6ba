"""Recorded answers as a subject: a file of somebody's answers becomes a transcript that detectors
read.

Knows specs and transcripts. Doesn't know who really gave the answers: the provenance of a recording
is claimed, not observed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.recordings.data_set import REMOTE, DataSet
from fingerprints.recordings.packed import open_regular
from fingerprints.recordings.plain import FIELDS, FieldMap
from fingerprints.recordings.reading import AnswerReader, HowToRead
from fingerprints.recordings.tally import RecordingTally, transcript_of
from fingerprints.records import Arm, Identity, Reply, Request, Status, sha256
from fingerprints.subjects.base import Subject
from fingerprints.subjects.kinds import RECORDINGS, SubjectSpec
from fingerprints.transcript import Header, Transcript, is_transcript, load_transcript

CLAIMED = "provenance of recorded answers is claimed, not observed"
NAMES_SHOWN = 5
MAPPED = {f"map_{name}": name for name in FIELDS}
"""Options of a spec that say where a field stands, and the fields: what ``--map`` becomes."""
YES = ("yes", "no")


class RecordedSubject(Subject):
    """Answers from a file: given whole, or one by one to requests with their prompt."""

    def __init__(self, spec: str, transcript: Transcript, remark: str = "") -> None:
        self.spec = spec
        self.identity = transcript.identity
        self.offers = frozenset({"recorded"})
        self.remark = remark
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
    insists on one form; ``map_prompt=KEY`` and its like say where fields stand; ``requests=FILE``
    holds the questions; ``partial=yes`` takes what can be read. Raises MalformedInput for a file
    that is missing, of several models, without an answer, or of which over a tenth can't be read;
    UsageProblem for an option that doesn't fit.
    """
    if spec.target.startswith(REMOTE):
        return _remote(spec)
    path, model, form = Path(spec.target), spec.options.get("model"), spec.options.get("format")
    if form not in (None, "transcript", "rows"):
        said = f"no format is called {printable(form, 40)!r}"
        raise UsageProblem(said, where="format=", next_step="use transcript or rows")
    open_regular(path).close()
    if form != "rows" and is_transcript(path):
        return _ours(str(spec), path, model)
    if form == "transcript":
        raise MalformedInput("not a transcript", where=path, next_step="leave out format=")
    reader = AnswerReader(path, how_to_read(spec.options))
    return _read([reader], model_of_file(path), str(spec), model)


def _remote(spec: SubjectSpec) -> RecordedSubject:
    data = DataSet.parse(spec.target)
    readers = [AnswerReader(p, how_to_read(spec.options)) for p in data.fetch()]
    return _read(readers, data.name, str(spec), spec.options.get("model"), data.revision)


def how_to_read(options: Mapping[str, str]) -> HowToRead:
    """What the options of a spec say of a recording. Raises UsageProblem."""
    partial, requests = options.get("partial", "no"), options.get("requests")
    if partial not in YES:
        raise UsageProblem("partial is yes or no", where="partial=", next_step="write partial=yes")
    given = {MAPPED[name]: text for name, text in options.items() if name in MAPPED}
    return HowToRead(
        FieldMap.parse(given), None if requests is None else Path(requests), partial == "yes"
    )


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
    readers: Sequence[AnswerReader],
    named: str,
    spec: str,
    model: str | None,
    revision: str | None = None,
) -> RecordedSubject:
    """The rows of one model in files that belong together."""
    tally, seen = RecordingTally(), dict[str | None, None]()
    for reader in readers:
        for row in reader.rows():
            seen.setdefault(row.model)
            if model is None and len(seen) > 1:
                rest = (r.model for other in readers for r in other.rows())
                raise _mixed(reader.path, [*seen, *rest])
            if model is None or row.model == model:
                tally.add(row)
    path, counts = readers[0].path, readers[0].counts
    if not tally.models:
        raise _unnamed(path, model, seen)
    for reader in readers[1:]:
        counts.add(reader.counts)
    identity = Identity(
        kind="recording",
        name=next(iter(tally.models)) or named,
        recording_sha256=digest_of(readers),
        revision=revision,
        notes=(CLAIMED,),
    )
    transcript = transcript_of(tally, Header(spec=spec, identity=identity), counts)
    return RecordedSubject(spec, transcript, f"{printable(named, 80)}: {counts.line()}")


def digest_of(readers: Sequence[AnswerReader]) -> str:
    """SHA-256 of a file that was read; of several, that of their digests."""
    if len(readers) == 1:
        return readers[0].sha256
    return sha256("\n".join(reader.sha256 for reader in readers))


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


def _unnamed(path: Path, model: str | None, seen: Iterable[str | None]) -> MalformedInput:
    names = sorted(name for name in seen if name is not None)
    shown = ", ".join(printable(name, 40) for name in names[:NAMES_SHOWN])
    known = f"some that it has: {shown}" if names else "it names no models"
    said = f"it has no answer of {printable(model or '', 60)!r}"
    return MalformedInput(said, where=path, next_step=known)
