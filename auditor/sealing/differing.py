"""What differs between the files that were sealed and those that are there: by file, and in it by
record. Compares digests; opens nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from auditor.sealing.digests import FileDigest, RecordDigest
from auditor.sealing.findings import Problem

MOST_NAMED = 50
"""So many records of one file are named, then only counted."""


def differences(sealed: Sequence[FileDigest], found: Sequence[FileDigest]) -> Iterator[Problem]:
    """Everything that is not as it was sealed, file by file; nothing where all is."""
    was, now = {f.name: f for f in sealed}, {f.name: f for f in found}
    gone = [f for name, f in was.items() if name not in now]
    new = {f.name: f for name, f in now.items() if name not in was}
    for file in gone:
        moved = next((n for n in new.values() if n.sha256 == file.sha256), None)
        if moved is None:
            yield Problem(code="file_removed", file=file.name)
            continue
        del new[moved.name]
        yield Problem(code="file_renamed", file=moved.name, detail=f"{file.name} then")
    yield from (Problem(code="file_added", file=name) for name in new)
    for name, file in was.items():
        if name in now and now[name].sha256 != file.sha256:
            yield from _within(file, now[name])


def _within(was: FileDigest, now: FileDigest) -> Iterator[Problem]:
    """What differs in one file whose bytes do."""
    if not (was.records and now.records):
        yield Problem(code="file_changed", file=was.name)
        return
    problems = list(_records(was, now))
    yield from problems[:MOST_NAMED]
    if len(problems) > MOST_NAMED:
        more = f"{len(problems) - MOST_NAMED:,} more records"
        yield Problem(code="file_changed", file=was.name, detail=more)
    if not problems:
        yield Problem(code="bytes_changed", file=was.name)


def _records(was: FileDigest, now: FileDigest) -> Iterator[Problem]:
    gone = _beyond(was.records, now.records)
    new = _beyond(now.records, was.records)
    places = {_place(r) for r in gone}
    changed = {_place(r) for r in new} & places
    for record in gone:
        code = "record_changed" if _place(record) in changed else "record_removed"
        yield Problem(code=code, file=was.name, record=record.record)
    for record in new:
        if _place(record) not in changed:
            yield Problem(code="record_added", file=was.name, record=record.record)
    kept = _kept(was.records, gone), _kept(now.records, new)
    first = next((i for i, (a, b) in enumerate(zip(*kept, strict=True)) if _other(a, b)), None)
    if first is not None:
        detail = f"{kept[1][first].record} stands where {kept[0][first].record} was"
        yield Problem(code="records_reordered", file=was.name, detail=detail)


def _other(one: RecordDigest, two: RecordDigest) -> bool:
    return one.sha256 != two.sha256


def _place(record: RecordDigest) -> str:
    """Where a record stands, without what it is: a renamed candidate is a change, not a loss."""
    words = record.record.split(" ")
    if words[0] in ("line", "lines"):
        return " ".join(words[:2])
    exhibit = words[-1] if words[-1].startswith("exhibits[") else ""
    return words[0] + exhibit


def _beyond(
    some: Sequence[RecordDigest], others: Sequence[RecordDigest]
) -> tuple[RecordDigest, ...]:
    """Records that stand oftener among ``some`` than among the others: those that stand where they
    stood are matched first, then those that moved. Many an empty field has the same digest."""
    there = {(_place(r), r.sha256) for r in others}
    here = {(_place(r), r.sha256) for r in some}
    moved = Counter(r.sha256 for r in others if (_place(r), r.sha256) not in here)
    out = []
    for record in some:
        if (_place(record), record.sha256) in there:
            continue
        if moved[record.sha256]:
            moved[record.sha256] -= 1
        else:
            out.append(record)
    return tuple(out)


def _kept(records: Sequence[RecordDigest], without: Sequence[RecordDigest]) -> list[RecordDigest]:
    left = {id(r) for r in without}
    return [r for r in records if id(r) not in left]
