"""The models whose answers one file holds, each as a transcript.

Reads files; knows nothing of stores.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fingerprints.errors import printable
from fingerprints.recordings.counts import ReadingCounts
from fingerprints.recordings.packed import open_regular
from fingerprints.recordings.reading import AS_IT_IS, AnswerReader, HowToRead
from fingerprints.recordings.recording import CLAIMED, model_of_file
from fingerprints.recordings.tally import RecordingTally, transcript_of
from fingerprints.records import Identity
from fingerprints.transcript import Header, Transcript, is_transcript, load_transcript


class ModelsOfFile(NamedTuple):
    """What one file holds: a transcript for each model, and what became of all its records."""

    transcripts: dict[str, Transcript]
    counts: ReadingCounts


def models_in(path: Path, name: str | None, source: str, how: HowToRead = AS_IT_IS) -> ModelsOfFile:
    """The transcripts of one file by model, in the order of their first rows; with ``name``, all
    rows are that model's.

    Rows that name no model belong to the file's name without its ending. Raises as
    `AnswerReader.rows`.
    """
    open_regular(path).close()
    if is_transcript(path):
        said = load_transcript(path)
        counts = ReadingCounts(items=len(said.replies), answers=len(said.replies))
        return ModelsOfFile({name or said.identity.name: said}, counts)
    reader, tallies = AnswerReader(path, how), dict[str, RecordingTally]()
    for row in reader.rows():
        tallies.setdefault(name or row.model or model_of_file(path), RecordingTally()).add(row)
    spec = f"recording:{printable(source, 300)}"
    found = {
        model: transcript_of(tally, _header(spec, model, reader.sha256), reader.counts)
        for model, tally in tallies.items()
    }
    return ModelsOfFile(found, reader.counts)


def counted(path: Path, how: HowToRead) -> ReadingCounts:
    """What becomes of a file's records, without keeping any. Raises as `models_in`."""
    open_regular(path).close()  # before anything waits on a pipe
    if is_transcript(path):
        return models_in(path, None, path.name, how).counts
    reader = AnswerReader(path, how)
    for _ in reader.rows():
        pass
    return reader.counts


def _header(spec: str, model: str, digest: str) -> Header:
    # A folder's name may be bytes that no UTF-8 file can hold; the store refuses it, and says so,
    # by its printable form.
    identity = Identity(
        kind="recording", name=printable(model, 200), recording_sha256=digest, notes=(CLAIMED,)
    )
    return Header(spec=spec, identity=identity)
