"""Takes answers that others recorded into a store: an AlpacaEval folder, a folder of files, or one
file of many models.

Knows layouts and names; reads rows through `fingerprints.subjects.formats`. Names from strangers
become names in the catalogue, never paths that are written.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from fingerprints.errors import (
    AuditError,
    MalformedInput,
    ResourceLimit,
    UnsafeInput,
    UsageProblem,
    printable,
)
from fingerprints.progress import Progress
from fingerprints.records import Identity, Record
from fingerprints.store import FingerprintStore
from fingerprints.subjects.formats import rows_in
from fingerprints.subjects.packed import open_regular
from fingerprints.subjects.recording import CLAIMED, RecordingTally, model_of_file, transcript_of
from fingerprints.transcript import Header, Transcript, is_transcript, load_transcript

OUTPUTS = "model_outputs.json"
ENDINGS = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".eval")
LARGEST_CSV = 16_000_000
MOST_FILES = 100_000
COLUMNS = ("model", "vendor", "family")


class SkippedImport(Record):
    """A file or a model that was not taken in, and why."""

    what: str
    reason: str


class ImportReport(Record):
    """What an import did: names added and unchanged, answers added, and everything that was
    skipped.

    ``unreadable`` of the ``answers`` are empty or failed: kept, but without a vector.
    ``without_metadata`` names the models that a given CSV does not list, ``other_vendor`` those of
    which it names another maker than the one that was given for all: the CSV's was kept.
    """

    added: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: tuple[SkippedImport, ...] = ()
    answers: int = 0
    unreadable: int = 0
    without_metadata: tuple[str, ...] = ()
    other_vendor: tuple[str, ...] = ()


@dataclass
class _Counts:
    added: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: list[SkippedImport] = field(default_factory=list)
    without_metadata: list[str] = field(default_factory=list)
    other_vendor: list[str] = field(default_factory=list)
    answers: int = 0
    unreadable: int = 0

    def skip(self, what: str, error: AuditError) -> None:
        self.skipped.append(SkippedImport(what=printable(what, 200), reason=error.what))


def import_answers(
    store: FingerprintStore,
    path: Path,
    metadata_csv: Path | None = None,
    progress: Progress | None = None,
    replace: bool = False,
    vendor: str = "",
) -> ImportReport:
    """Adds every model whose answers lie at ``path``, and reports what was added and what was
    skipped.

    ``path`` is a folder ``<model>/model_outputs.json`` (AlpacaEval), a folder of recordings or
    transcripts, or one such file; a file may hold many models. ``metadata_csv`` has the columns
    model, vendor, family; a model that it doesn't list gets empty ones. ``vendor`` made all models
    of which it names no maker. In a folder a file that
    can't be read is skipped and reported; each model is committed by itself, so that an interrupted
    import goes on where it stopped. Raises MalformedInput for a single bad file, for a folder
    without any recording and for a bad CSV.
    """
    path = Path(path)
    known = {} if metadata_csv is None else read_metadata(Path(metadata_csv))
    sources = _sources(path)
    counts = _Counts()
    for done, (source, name) in enumerate(sources):
        if progress:
            progress(done, len(sources))
        try:
            if source != path and (source.is_symlink() or source.parent.is_symlink()):
                raise UnsafeInput("a link, which could lead out of the folder", where=source)
            found = models_in(source, name, str(source.relative_to(path.parent)))
        except (MalformedInput, UnsafeInput, ResourceLimit) as error:
            if source == path:
                raise
            counts.skip(str(source.relative_to(path)), error)
            continue
        for model, transcript in found.items():
            listed, family = known.get(model, ("", ""))
            if listed and vendor and listed.casefold() != vendor.casefold():
                counts.other_vendor.append(model)
            _add(store, transcript, model, (listed or vendor, family), counts, replace)
        counts.without_metadata += [model for model in found if known and model not in known]
    if progress:
        progress(len(sources), len(sources))
    return ImportReport.model_validate(vars(counts))


def _add(
    store: FingerprintStore,
    transcript: Transcript,
    model: str,
    made_by: tuple[str, str],
    counts: _Counts,
    replace: bool,
) -> None:
    vendor, family = made_by
    before = store.catalog.state()
    try:
        teacher = store.add(
            transcript, model, vendor, family, replace=replace and model not in counts.added
        )
    except (UsageProblem, MalformedInput) as error:
        counts.skip(model, error)
        return
    if store.catalog.state() == before:
        counts.unchanged.append(model)
        return
    counts.added.append(model)
    counts.answers += teacher.n_answers
    counts.unreadable += teacher.n_unreadable


def _sources(path: Path) -> list[tuple[Path, str | None]]:
    """The files to read, in order of name, and the model's name where the layout gives it."""
    if not path.is_dir():
        return [(path, None)]
    found: list[tuple[Path, str | None]] = []
    for entry in sorted(path.iterdir()):
        outputs = entry / OUTPUTS
        if entry.is_dir() and outputs.exists():
            found.append((outputs, entry.name))
        elif entry.name.lower().endswith(ENDINGS) and not entry.is_dir():
            found.append((entry, None))
        if len(found) > MOST_FILES:
            raise ResourceLimit(
                f"more than {MOST_FILES:,} files", where=path, next_step="import it in parts"
            )
    if not found:
        raise MalformedInput(
            f"no folder with {OUTPUTS} and no file {', '.join(ENDINGS)} in it",
            where=path,
            next_step="check the path",
        )
    return found


def models_in(path: Path, name: str | None, source: str) -> dict[str, Transcript]:
    """The transcripts of one file by model, in the order of their first rows; with ``name``, all
    rows are that model's.

    Rows that name no model belong to the file's name without its ending. Raises MalformedInput,
    UnsafeInput, ResourceLimit.
    """
    spec = f"recording:{printable(source, 300)}"
    with open_regular(path) as file:
        if is_transcript(path):
            transcript = load_transcript(path)
            return {name or transcript.identity.name: transcript}
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        tallies: dict[str, RecordingTally] = {}
        for row in rows_in(file, path):
            tallies.setdefault(name or row.model or model_of_file(path), RecordingTally()).add(row)
    return {
        model: transcript_of(tally, _header(spec, model, digest))
        for model, tally in tallies.items()
    }


def _header(spec: str, model: str, digest: str) -> Header:
    # A folder's name may be bytes that no UTF-8 file can hold; the store refuses it, and says so,
    # by its printable form.
    identity = Identity(
        kind="recording", name=printable(model, 200), recording_sha256=digest, notes=(CLAIMED,)
    )
    return Header(spec=spec, identity=identity)


def read_metadata(path: Path) -> dict[str, tuple[str, str]]:
    """Vendor and family by model, from a CSV with the columns model, vendor, family (others are
    ignored).

    Raises MalformedInput with the line for a missing column, a short row, and a model that is
    listed twice differently.
    """
    out: dict[str, tuple[str, str]] = {}
    reader = csv.DictReader(_text_of(path).splitlines(), strict=True)
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"it has no column {missing[0]!r}")
        for row in reader:
            model, vendor, family = (_cell(row.get(column), column) for column in COLUMNS)
            if not model:
                raise ValueError("a row names no model")
            if out.setdefault(model, (vendor, family)) != (vendor, family):
                raise ValueError(f"{printable(model, 60)!r} is listed twice with different values")
    except (csv.Error, ValueError) as error:
        raise MalformedInput(
            f"line {reader.line_num}: {error}",
            where=path,
            next_step="give a CSV with the columns model,vendor,family",
        ) from error
    return out


def _cell(value: str | None, column: str) -> str:
    if value is None:
        raise ValueError(f"the row is too short: no {column}")
    if len(value) > 200 or printable(value) != value:
        raise ValueError(f"the {column} is longer than 200 characters or not printable")
    return value.strip()


def _text_of(path: Path) -> str:
    with open_regular(path) as file:
        data = file.read(LARGEST_CSV + 1)
    if len(data) > LARGEST_CSV:
        raise MalformedInput(
            f"larger than {LARGEST_CSV:,} bytes", where=path, next_step="check --metadata"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedInput("not UTF-8", where=path, next_step="save the CSV as UTF-8") from error
