"""Takes answers that others recorded into a store: an AlpacaEval folder, a folder of files, one
file of many models, or a data set on a hub.

Knows layouts and names; reads rows through `fingerprints.recordings`. Names from strangers become
names in the catalogue, never paths that are written. Everything is read before anything is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from fingerprints.errors import (
    AuditError,
    MalformedInput,
    ResourceLimit,
    UnsafeInput,
    UsageProblem,
    printable,
)
from fingerprints.late_store import LateStore
from fingerprints.makers_csv import read_metadata
from fingerprints.progress import SILENT, Progress
from fingerprints.recordings.counts import MOST_UNREADABLE, ReadingCounts
from fingerprints.recordings.data_set import REMOTE, DataSet
from fingerprints.recordings.models import ModelsOfFile, counted, models_in
from fingerprints.recordings.reading import AS_IT_IS, HowToRead
from fingerprints.records import Record
from fingerprints.store import FingerprintStore, storable
from fingerprints.subjects.kinds import RECORDINGS
from fingerprints.transcript import Transcript

OUTPUTS = "model_outputs.json"
NOT_IN_FOLDERS = frozenset({".txt", ".log", ".zip"})
"""Endings that are read where they are named, and passed over in a folder, told."""
MOST_FILES = 100_000
CANT_READ = (MalformedInput, UnsafeInput, ResourceLimit)


class SkippedImport(Record):
    """A file or a model that was not taken in, and why."""

    what: str
    reason: str


class ReadingReport(Record):
    """What became of the records of all files that were read: ``answers`` (of them ``empty`` and
    ``failed``), what was ``set_aside`` by reason, and what is ``unreadable``; ``line`` says it."""

    answers: int = 0
    empty: int = 0
    failed: int = 0
    set_aside: dict[str, int] = Field(default_factory=dict)
    unreadable: int = 0
    line: str = ""


class ImportReport(Record):
    """What an import did: names added and unchanged, answers added, and everything that was
    skipped.

    ``unreadable`` of the ``answers`` are empty or failed: kept, but without a vector. ``reading``
    counts what the files held, ``characters`` the text of what was added. ``without_metadata``
    names the models that a given CSV does not list, ``other_vendor`` those of which it names
    another maker than the one that was given for all: the CSV's was kept.
    """

    added: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: tuple[SkippedImport, ...] = ()
    answers: int = 0
    unreadable: int = 0
    without_metadata: tuple[str, ...] = ()
    other_vendor: tuple[str, ...] = ()
    reading: ReadingReport = ReadingReport()
    characters: int = 0


class SourceFile(NamedTuple):
    """One file of an import: where it is, what it is called, and whose answers it holds where the
    layout says so."""

    path: Path
    shown: str
    model: str | None = None


@dataclass
class _Counts:
    added: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: list[SkippedImport] = field(default_factory=list)
    without_metadata: list[str] = field(default_factory=list)
    other_vendor: list[str] = field(default_factory=list)
    answers: int = 0
    unreadable: int = 0
    characters: int = 0

    def skip(self, what: str, error: AuditError) -> None:
        """Notes what was left out and why, its name made printable."""
        self.skipped.append(_skipped(what, error))

    def take(self, model: str, transcript: Transcript, unreadable: int) -> None:
        """Counts a model whose answers were added; ``unreadable`` answers are among them."""
        self.added.append(model)
        self.answers += len(transcript.replies)
        self.unreadable += unreadable
        self.characters += sum(len(reply.text) for reply in transcript.replies)


@dataclass
class LookedThrough:
    """The files of an import, of which enough can be read, and makers by model: nothing is stored
    yet. ``only`` is what the only file holds, which is read once."""

    files: list[SourceFile]
    only: ModelsOfFile | None
    makers: Mapping[str, tuple[str, str]]
    how: HowToRead
    reading: ReadingCounts
    skipped: list[SkippedImport]

    def models(self) -> Iterator[dict[str, Transcript]]:
        """The transcripts of each file, by model."""
        if self.only is not None:
            yield self.only.transcripts
            return
        for file in self.files:
            yield models_in(file.path, file.model, file.shown, self.how).transcripts


def looked_through(
    path: Path | str,
    metadata_csv: Path | None = None,
    progress: Progress = SILENT,
    how: HowToRead = AS_IT_IS,
) -> LookedThrough:
    """Reads all that lies at ``path``, before any store is opened or made.

    ``path`` is a folder ``<model>/model_outputs.json`` (AlpacaEval), a folder of recordings or
    transcripts, one such file, or a data set's ``hf://`` address; a file may hold many models.
    ``metadata_csv`` has the columns model, vendor and perhaps family. In a folder a file that can't
    be read is skipped and reported. Raises MalformedInput for a single file that
    `AnswerReader.rows` refuses, for a folder of which over a tenth of the files is refused, for one
    without any recording and for a bad CSV.
    """
    makers = {} if metadata_csv is None else read_metadata(Path(metadata_csv))
    sources, reading = _sources(path), ReadingCounts()
    if len(sources) == 1:
        [file] = sources
        only = models_in(file.path, file.model, file.shown, how)
        reading.add(only.counts)
        return LookedThrough(sources, only, makers, how, reading, [])
    told = progress.step("looking through the files")
    good, skipped = _checked(sources, how, reading, told)
    return LookedThrough(good, None, makers, how, reading, skipped)


def import_answers(
    store: FingerprintStore | LateStore | None,
    found: LookedThrough,
    progress: Progress = SILENT,
    replace: bool = False,
    vendor: str = "",
    dry_run: bool = False,
) -> ImportReport:
    """Adds every model that was found, and reports what was added and what was skipped.

    A model that the metadata doesn't list gets no maker; ``vendor`` made all models of which it
    names none. Each model is committed by itself, so that an interrupted import goes on where it
    stopped. A ``dry_run`` stores nothing; it alone needs no store, and reports what would be added.
    Raises what reading a file raises that changed since it was looked through.
    """
    counts, known, late = _Counts(skipped=list(found.skipped)), found.makers, _late(store)
    for done, transcripts in enumerate(found.models()):
        progress(done, len(found.files))
        for model, transcript in transcripts.items():
            listed, family = known.get(model, ("", ""))
            if listed and vendor and listed.casefold() != vendor.casefold():
                counts.other_vendor.append(model)
            again = replace and model not in counts.added
            by = (listed or vendor, family)
            if dry_run or late is None:
                seen = None if late is None else late.now()
                _foresee(seen, transcript, model, by, counts, again)
            else:
                _add(late, transcript, model, by, counts, again)
        counts.without_metadata += [m for m in transcripts if known and m not in known]
    progress(len(found.files), len(found.files))
    return ImportReport.model_validate({**vars(counts), "reading": _report(found.reading)})


def _late(store: FingerprintStore | LateStore | None) -> LateStore | None:
    return LateStore(lambda: store) if isinstance(store, FingerprintStore) else store


def _checked(
    sources: Sequence[SourceFile], how: HowToRead, reading: ReadingCounts, progress: Progress
) -> tuple[list[SourceFile], list[SkippedImport]]:
    """The files that can be read, and the others. Each is read through first, since nothing may be
    stored where too many can't be read."""
    good, bad = [], []
    for done, source in enumerate(sources):
        progress(done, len(sources))
        try:
            if source.path.is_symlink() or source.path.parent.is_symlink():
                raise UnsafeInput("a link, which could lead out of the folder", where=source.path)
            reading.add(counted(source.path, how))
            good.append(source)
        except CANT_READ as error:
            bad.append(_skipped(source.shown.partition("/")[2], error))
    progress(len(sources), len(sources))
    if not good or (len(bad) > MOST_UNREADABLE * len(sources) and not how.allow_partial):
        raise MalformedInput(
            f"{len(bad)} of {len(sources)} files can't be read, {bad[0].what} first:"
            f" {printable(bad[0].reason, 160)}",
            next_step="take them out, or go on without them: --allow-partial",
        )
    return good, bad


def _skipped(what: str, error: AuditError) -> SkippedImport:
    return SkippedImport(what=printable(what, 200), reason=error.what)


def _report(counts: ReadingCounts) -> Mapping[str, object]:
    return {
        "answers": counts.answers,
        "empty": counts.empty,
        "failed": counts.failed,
        "set_aside": {reason.value: n for reason, n in sorted(counts.aside.items())},
        "unreadable": counts.unreadable,
        "line": counts.line(),
    }


def _foresee(
    store: FingerprintStore | None,
    transcript: Transcript,
    model: str,
    made_by: tuple[str, str],
    counts: _Counts,
    replace: bool,
) -> None:
    """What `_add` would do, but for what only storing finds."""
    try:
        content = storable(transcript, model)
        known = None if store is None else store.known(model, content, *made_by, replace)
    except (UsageProblem, MalformedInput) as error:
        counts.skip(model, error)
        return
    if known is not None or model in counts.added:
        counts.unchanged.append(model)
        return
    counts.take(model, transcript, sum(not reply.answered for reply in transcript.replies))


def _add(
    late: LateStore,
    transcript: Transcript,
    model: str,
    made_by: tuple[str, str],
    counts: _Counts,
    replace: bool,
) -> None:
    try:
        storable(transcript, model)
    except (UsageProblem, MalformedInput) as error:
        counts.skip(model, error)
        return
    # What is wrong with the store itself is no fault of this model.
    store = late.now()
    try:
        teacher, fresh = store.put(transcript, model, *made_by, replace)
    except (UsageProblem, MalformedInput) as error:
        counts.skip(model, error)
        return
    if fresh:
        counts.take(model, transcript, teacher.n_unreadable)
    else:
        counts.unchanged.append(model)


def _sources(path: Path | str) -> list[SourceFile]:
    """The files to read, in order of name, and the model's name where the layout gives it."""
    if str(path).startswith(REMOTE):
        data = DataSet.parse(str(path))
        return [SourceFile(file, f"{data.name}/{file.name}") for file in data.fetch()]
    path = Path(path)
    if not path.is_dir():
        return [SourceFile(path, path.name)]
    found: list[SourceFile] = []
    for entry in sorted(path.iterdir()):
        outputs = entry / OUTPUTS
        if entry.is_dir() and outputs.exists():
            found.append(SourceFile(outputs, f"{path.name}/{entry.name}/{OUTPUTS}", entry.name))
        elif not entry.is_dir() and entry.suffix.lower() in RECORDINGS - NOT_IN_FOLDERS:
            found.append(SourceFile(entry, f"{path.name}/{entry.name}"))
        if len(found) > MOST_FILES:
            raise ResourceLimit(
                f"more than {MOST_FILES:,} files", where=path, next_step="import it in parts"
            )
    if not found:
        endings = ", ".join(sorted(RECORDINGS - NOT_IN_FOLDERS))
        raise MalformedInput(
            f"no folder with {OUTPUTS} and no file {endings} in it",
            where=path,
            next_step="check the path",
        )
    return found
