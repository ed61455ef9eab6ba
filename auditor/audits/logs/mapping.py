"""Which of a log's keys are which canonical column: what is given, what a gateway is known to call
it, or what is plain; and which hold lists of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.audits.logs.column_sql import SPEAKERS
from auditor.audits.logs.columns import CANONICAL, NEEDED, ColumnMap, named
from auditor.audits.logs.presets import PRESETS, all_paths, detected, preset_map
from auditor.audits.logs.sources import FIRST_FILES, LogFile, first_rows
from auditor.audits.logs.warehouse import Warehouse
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.field_path import FieldPath, value_at

RARE = ("network", "client", "key_prefix", "payment", "request_id", "status", "finish")
"""Columns that a log may hold in some rows only."""


def mapped(
    house: Warehouse,
    files: Sequence[LogFile],
    given: Mapping[str, FieldPath],
    preset: str | None = None,
) -> tuple[ColumnMap, tuple[str, ...]]:
    """The columns of a log, and which of them hold lists.

    What is given goes before what a gateway calls it. Raises UsageProblem where no gateway is
    plain, and MalformedInput, with the keys that were found, where a needed column leads nowhere.
    """
    rows = [row for file in files[:FIRST_FILES] for row in first_rows(house, file)]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    if not rows:
        raise MalformedInput(
            "no row can be read", where=files[0].path, next_step="look whether it is a log"
        )
    found = _base(rows, keys, given, preset)
    if found.preset == "canonical" and all(f.form == "jsonl" for f in files):
        # A key may be there in later rows only; of JSON, one that is nowhere costs nothing.
        later = {n: FieldPath.parse(n) for n in CANONICAL if n in keys or n in RARE}
        found = ColumnMap(later, found.preset)
    found = found.having(given)
    _checked(rows, keys, found, given)
    return found, tuple(c for c in SPEAKERS if c in found.paths and _lists(rows, found.paths[c]))


def _base(
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    given: Mapping[str, FieldPath],
    preset: str | None,
) -> ColumnMap:
    holds = {text: _leads(rows, FieldPath.parse(text)) for text in all_paths()}
    if preset is not None:
        return preset_map(preset, keys, holds)
    if all(name in given for name in NEEDED):
        same = {n: FieldPath.parse(n) for n in CANONICAL if n in keys and n not in given}
        return ColumnMap(same)
    good = detected(keys, holds)
    if not good:
        return preset_map("canonical", keys, holds)
    best = [m for m in good if len(m.paths) == len(good[0].paths)]
    if any(dict(m.paths) != dict(best[0].paths) for m in best):
        names = " or ".join(m.preset or "" for m in best)
        raise UsageProblem(
            f"the log may be of {names}", next_step="say which with --preset, or give --map"
        )
    return best[0]


def _leads(rows: Sequence[Mapping[str, Any]], path: FieldPath) -> bool:
    return any(value_at(row, path) not in (None, "") for row in rows)


def _lists(rows: Sequence[Mapping[str, Any]], path: FieldPath) -> bool:
    return any(isinstance(value_at(row, path), list | dict) for row in rows)


def _checked(
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    found: ColumnMap,
    given: Mapping[str, FieldPath],
) -> None:
    lost = [f"{n}={p.text}" for n, p in given.items() if p.key not in keys]
    lost += [f"{n}={p.text}" for n, p in given.items() if n in NEEDED and not _leads(rows, p)]
    missing = [n for n in NEEDED if n not in found.paths or found.paths[n].key not in keys]
    if lost or missing:
        what = f"mapped to nothing: {printable(lost[0], 60)}" if lost else ""
        what = what or f"no column for {', '.join(missing)}"
        told = f"known gateways: {', '.join(p for p in PRESETS if p != 'canonical')}"
        raise MalformedInput(
            f"{what}; the log's keys are {named(keys)}",
            next_step=f"map them, as in --map {(missing or NEEDED)[0]}=KEY; {told}",
        )
