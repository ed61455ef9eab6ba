"""Makes a log: stretch by stretch in the order of time, into one file, with the truth beside it.

Memory is bounded by the rows of one stretch, however long the log is.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from auditor.labs.traffic.benign import TimeStretch
from auditor.labs.traffic.columns import SCHEMA, campaign_rows, spoilt, table_of
from auditor.labs.traffic.prompts import Writer
from auditor.labs.traffic.rhythm import DAY
from auditor.labs.traffic.rows import RequestRows
from auditor.labs.traffic.settings import Form, TrafficSettings
from auditor.labs.traffic.sources import Cast, cast_of
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record
from fingerprints.work_folder import WorkFolder

SETTINGS, TRUTH, MANIFEST = "settings.yaml", "truth.jsonl", "manifest.json"
ROWS_AT_ONCE = 200_000
SHORTEST, LONGEST = 600.0, DAY


class TruthRow(Record):
    """What an account really is. ``kind``: of ordinary account or of campaign; ``campaign`` is
    None for ordinary ones; ``campaign_rows``: rows without cover traffic."""

    account: str
    kind: str
    campaign: str | None
    rows: int
    campaign_rows: int


class Manifest(Record):
    """What a simulated log is: its settings' digest, seed, form and size."""

    format: Literal["simulated-log/1"] = "simulated-log/1"
    name: str
    settings_sha256: str
    seed: int
    log: str
    log_sha256: str
    rows: int
    accounts: int
    campaign_accounts: int
    campaign_rows: int
    log_bytes: int


class Forecast(Record):
    """What a log is expected to be, before it is made; rows and bytes are approximate."""

    name: str
    rows: int
    log_bytes: int
    accounts: dict[str, int]
    campaign_accounts: dict[str, int]


class LogWriter(Protocol):
    """A file that takes tables."""

    def write_table(self, table: pa.Table) -> None:
        """Appends the rows of a table."""


class JsonLines:
    """One JSON object a row; times as ISO 8601."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def write_table(self, table: pa.Table) -> None:
        """Appends the rows of a table."""
        for row in table.to_pylist():
            row["time"] = row["time"].isoformat(timespec="milliseconds")
            self.file.write(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")


def log_name(form: Form) -> str:
    """The name of the log's file."""
    return f"log.{form}"


def stretches(settings: TrafficSettings) -> list[TimeStretch]:
    """The log in parts of about 200,000 rows, at most a day and at least ten minutes each."""
    begins, whole = settings.begins(), settings.days * DAY
    length = min(max(whole * ROWS_AT_ONCE / settings.rows, SHORTEST), LONGEST, whole)
    count = int(np.ceil(whole / length - 1e-9))
    edges = [begins + min(i * length, whole) for i in range(count + 1)]
    return [TimeStretch(i, edges[i], edges[i + 1]) for i in range(count)]


def in_order(cast: Cast) -> Iterator[RequestRows]:
    """The rows of a log by time, stretch by stretch. What runs on behind a stretch waits for the
    next; what runs on behind the log is dropped."""
    waiting: RequestRows | None = None
    for stretch in stretches(cast.settings):
        parts = [source.rows(stretch) for source in cast.sources]
        rows = RequestRows.together(parts if waiting is None else [waiting, *parts])
        waiting = rows.taken(rows.time >= stretch.end)
        now = rows.taken(rows.time < stretch.end)
        yield now.taken(np.argsort(now.time, kind="stable"))


def tables(cast: Cast) -> Iterator[tuple[RequestRows, pa.Table]]:
    """The rows of a log with their texts and names."""
    writer = Writer(cast.wording)
    directory = cast.directory(writer)
    names = tuple(model.name for model in cast.settings.models)
    for number, rows in enumerate(in_order(cast)):
        # Texts in slices, since a busy stretch may hold many more rows than an even one.
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows.taken(slice(start, start + ROWS_AT_ONCE))
            table = table_of(part, directory, writer, names, cast.settings.answers, cast.seed)
            rng = np.random.default_rng([cast.seed, 99, number, start])
            yield part, spoilt(table, cast.settings.faults, rng)


def forecast(settings: TrafficSettings, seed: int, form: Form) -> Forecast:
    """What would be made, from the cast and a day's sample. Writes nothing."""
    cast = cast_of(settings, seed)
    sample: pa.Table | None = None
    for _, table in tables(cast):
        sample = table.slice(0, 20_000)
        if sample.num_rows >= min(1000, settings.rows // 10):
            break
    size = 0 if sample is None else _bytes_of(sample, form) / max(1, sample.num_rows)
    ordinary = {m.kind: len(m.accounts) for m in cast.members if not m.campaign}
    return Forecast(
        name=settings.name,
        rows=settings.rows,
        log_bytes=round(size * settings.rows),
        accounts=ordinary,
        campaign_accounts={m.campaign: len(m.accounts) for m in cast.members if m.campaign},
    )


def simulate(
    settings: TrafficSettings,
    seed: int,
    folder: Path,
    form: Form = "parquet",
    progress: Progress = SILENT,
) -> Manifest:
    """Writes the log, ``truth.jsonl``, ``settings.yaml`` and ``manifest.json`` into a new folder.

    Deterministic by settings, seed and version. A killed run leaves no log, and the same command
    begins again. Raises MalformedInput for a folder that holds other files, Locked, ResourceLimit.
    """
    cast = cast_of(settings, seed)
    held = WorkFolder(folder, "another process simulates a log there", SETTINGS)
    with held.held(partial(_refuse_another, settings, seed, folder), settings.to_yaml()):
        (folder / MANIFEST).unlink(missing_ok=True)
        sent = np.zeros((2, cast.n_accounts()), np.int64)
        with replacing(folder / log_name(form)) as file:
            for rows, table, log in _written(cast, form, file):
                log.write_table(table)
                sent += [
                    np.bincount(rows.account, minlength=sent.shape[1]),
                    campaign_rows(rows, sent.shape[1]),
                ]
                progress(int(sent[0].sum()), settings.rows)
        _write_truth(cast, sent, folder / TRUTH)
        manifest = _manifest(cast, sent, folder / log_name(form))
        write_record(folder / MANIFEST, manifest)
    return manifest


def _refuse_another(settings: TrafficSettings, seed: int, folder: Path, mark: Path) -> None:
    """Raises MalformedInput where a folder holds the log of other settings or of another seed."""
    same = mark.read_text("utf-8") == settings.to_yaml()
    if same and (folder / MANIFEST).exists():
        same = _MANIFEST.read(folder / MANIFEST).seed == seed
    if not same:
        raise MalformedInput(
            "the folder holds a log of other settings",
            where=folder,
            next_step="give a new folder with --out",
        )


def _written(
    cast: Cast, form: Form, file: BinaryIO
) -> Iterator[tuple[RequestRows, pa.Table, LogWriter]]:
    with ExitStack() as stack:
        log = _opened(form, file, stack)
        for rows, table in tables(cast):
            yield rows, table, log


def _opened(form: Form, file: BinaryIO, stack: ExitStack) -> LogWriter:
    if form == "jsonl":
        return JsonLines(file)
    writer: Any = (
        pyarrow.parquet.ParquetWriter(file, SCHEMA, compression="zstd")
        if form == "parquet"
        else pyarrow.csv.CSVWriter(file, SCHEMA)
    )
    entered: AbstractContextManager[LogWriter] = writer
    return stack.enter_context(entered)


def _bytes_of(table: pa.Table, form: Form) -> int:
    file = io.BytesIO()
    with ExitStack() as stack:
        _opened(form, file, stack).write_table(table)
        stack.close()
        return len(file.getvalue())


def _write_truth(cast: Cast, sent: np.ndarray[Any, Any], path: Path) -> None:
    names = cast.directory(Writer(cast.wording)).names.to_pylist()
    place = 0
    with replacing(path) as file:
        for members in cast.members:
            for _ in range(len(members.accounts)):
                row = TruthRow(
                    account=names[place],
                    kind=members.kind,
                    campaign=members.campaign or None,
                    rows=int(sent[0, place]),
                    campaign_rows=int(sent[1, place]),
                )
                file.write(row.model_dump_json().encode("utf-8") + b"\n")
                place += 1


def _manifest(cast: Cast, sent: np.ndarray[Any, Any], log: Path) -> Manifest:
    with log.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Manifest(
        name=cast.settings.name,
        settings_sha256=cast.settings.digest(),
        seed=cast.seed,
        log=log.name,
        log_sha256=digest,
        rows=int(sent[0].sum()),
        accounts=cast.n_accounts(),
        campaign_accounts=sum(len(m.accounts) for m in cast.members if m.campaign),
        campaign_rows=int(sent[1].sum()),
        log_bytes=log.stat().st_size,
    )


_MANIFEST = RecordFile(Manifest, "no simulated log's manifest", "give a new folder with --out")
