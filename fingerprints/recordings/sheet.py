"""A filled sheet of questions as a subject: what a person pasted from a chat product.

The answers count as the product's own way (its own system prompt), as the sheet asks for; who gave
them is claimed. Knows sheets; doesn't know who filled one in.
"""

from __future__ import annotations

from pathlib import Path

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import bundled_probe_sets, load_probe_set
from fingerprints.recordings.packed import open_regular
from fingerprints.recordings.recording import CLAIMED, RecordedSubject
from fingerprints.records import Arm, Identity, ProbeSet, Reply, Status, sha256
from fingerprints.sheets.forms import LARGEST, read_filled
from fingerprints.sheets.sheet import Filled
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.transcript import Event, Header, Transcript

BY_HAND = "asked by hand with a printed sheet: one new chat a question, as far as its filler says"
UNANSWERED = "unanswered"
"""The kind of event that counts questions of a sheet that were left blank."""


def open_sheet(spec: SubjectSpec) -> RecordedSubject:
    """The subject that ``sheet:PATH`` names.

    Options: ``model=NAME`` names the product where the sheet doesn't, ``probes=FILE`` the YAML file
    of a probe set of one's own. Raises MalformedInput for a file that is no filled sheet, whose
    questions are others than today's sets hold, or in which nothing is filled in.
    """
    path = Path(spec.target)
    with open_regular(path) as file:
        data = file.read(LARGEST + 1)
    found = read_filled(data, path, lambda name: _set_of(name, spec.options.get("probes"), path))
    if not found.answers and not found.nothing:
        step = "fill in answers, save, and run the same command again"
        raise MalformedInput("nothing is filled in yet", where=path, next_step=step)
    name = spec.options.get("model") or found.sheet.name or path.name.partition(".")[0]
    identity = Identity(
        kind="recording", name=name, recording_sha256=sha256(data), notes=(CLAIMED, BY_HAND)
    )
    return RecordedSubject(str(spec), _transcript(found, Header(spec=str(spec), identity=identity)))


def _set_of(name: str, file: str | None, where: Path) -> ProbeSet:
    if file is not None:
        own = load_probe_set(file)
        if own.name == name:
            return own
    if name in bundled_probe_sets():
        return load_probe_set(name)
    raise UsageProblem(
        f"the sheet asks a probe set of one's own, {printable(name, 60)!r}",
        where=where,
        next_step=f"name its file: sheet:{where.name},probes=FILE.yaml",
    )


def _transcript(found: Filled, header: Header) -> Transcript:
    questions = [
        q for q in found.sheet.questions if q.number in found.answers.keys() | found.nothing
    ]
    probes = {q.probe.id: q.probe for q in questions}
    replies = [
        Reply(
            probe_id=q.probe.id,
            arm=Arm.OWN,
            sample=q.sample,
            status=Status.OK if q.number in found.answers else Status.EMPTY,
            text=found.answers.get(q.number, ""),
        )
        for q in questions
    ]
    of = len(found.sheet.questions)
    told = f"{found.blank} of {of} questions of the sheet were left blank: they are no answers"
    events = (Event(kind=UNANSWERED, detail=told),) if found.blank else ()
    return Transcript(header, probes, tuple(sorted(replies, key=lambda r: r.key)), events, True)
